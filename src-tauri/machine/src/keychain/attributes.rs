//! When an item was last changed, asked without its secret. Owns the one native call into Security.framework that is
//! safe: a query for attributes never prompts (`docs/macos.md` §3.2), and it starts no process. Leaves the secret to
//! `command`.

use signalbox_core::ports::StoreError;

use super::Item;

/// What can be known about an item without reading it.
pub trait Attributes: Send + Sync {
    /// The item's modification date in the Keychain's own words (whole seconds); `Ok(None)` when there is no such item.
    fn modified(&self, item: &Item) -> Result<Option<String>, StoreError>;
}

#[cfg(target_os = "macos")]
pub use native::NativeAttributes;

#[cfg(target_os = "macos")]
mod native {
    use security_framework::item::{ItemClass, ItemSearchOptions};
    use security_framework::os::macos::keychain::SecKeychain;
    use signalbox_core::ports::StoreError;

    use super::super::Item;
    use super::super::command::meaning;
    use super::{Attributes, without_addresses};

    /// `errSecItemNotFound`
    const NOT_FOUND: i32 = -25300;
    /// `kSecAttrModificationDate`
    const MODIFIED: &str = "mdat";

    /// The attributes as Security.framework has them.
    pub struct NativeAttributes(());

    impl NativeAttributes {
        /// Also forbids every library in this process to raise a Keychain dialog, for as long as it lives: the guard
        /// would allow it again when dropped. Children are not affected (`docs/macos.md` §3.4).
        pub fn quiet() -> Self {
            static ONCE: std::sync::Once = std::sync::Once::new();
            ONCE.call_once(|| match SecKeychain::disable_user_interaction() {
                Ok(guard) => std::mem::forget(guard),
                Err(error) => tracing::warn!(code = error.code(), "Keychain dialogs could not be forbidden"),
            });
            Self(())
        }
    }

    impl Attributes for NativeAttributes {
        fn modified(&self, item: &Item) -> Result<Option<String>, StoreError> {
            let found = ItemSearchOptions::new()
                .class(ItemClass::generic_password())
                .service(item.service())
                .account(item.account())
                .load_attributes(true)
                .search();
            let found = match found {
                Ok(found) => found,
                Err(error) if error.code() == NOT_FOUND => return Ok(None),
                Err(error) => return Err(meaning(error.code() & 0xff)),
            };
            let Some(first) = found.first() else {
                return Ok(None);
            };
            match first.simplify_dict().and_then(|mut all| all.remove(MODIFIED)) {
                Some(date) => Ok(Some(without_addresses(&date))),
                None => Err(StoreError::Unreadable {
                    path: item.place(),
                    why: "the Keychain does not tell when it was changed".to_owned(),
                }),
            }
        }
    }
}

/// A description by CoreFoundation may name the object's address in memory, which differs each time.
pub fn without_addresses(description: &str) -> String {
    let address = |word: &&str| word.trim_matches(|c: char| !c.is_ascii_alphanumeric()).starts_with("0x");
    description.split_whitespace().filter(|word| !address(word)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_reads_the_same_wherever_it_stands_in_memory() {
        let table = [
            ("2026-08-01 12:34:56 +0000", "2026-08-01 12:34:56 +0000"),
            ("<CFDate 0x7f8a [0x7fff80]>{time = 8.1e8}", "<CFDate = 8.1e8}"),
            ("<CFDate 0x7f8a [0x7fff80]>{value = 807280496}", "<CFDate = 807280496}"),
        ];
        for (description, expected) in table {
            assert_eq!(without_addresses(description), expected);
        }
    }
}
