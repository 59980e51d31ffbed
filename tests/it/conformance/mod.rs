//! One contract for every adapter of a port: each file holds the sentences that a port promises and runs all of them over
//! the fake and over the real adapters, because a fake kinder than the machine is a bug. Owns the contracts; what is
//! particular to one adapter is tested beside it.

/// Makes one test of every sentence for every adapter: `conformance!([sentences]; name = how to make its rig, …)`.
/// A sentence is a function over the rig, and each test gets a rig of its own.
macro_rules! conformance {
    ($sentences:tt; $($adapter:ident = $rig:expr),+ $(,)?) => {
        $( conformance!(@ $adapter, $rig, $sentences); )+
    };
    (@ $adapter:ident, $rig:expr, [$($sentence:ident),+ $(,)?]) => {
        mod $adapter {
            $(
                #[test]
                fn $sentence() {
                    super::$sentence(&$rig);
                }
            )+
        }
    };
}

mod account_cache;
mod delegate;
mod feed;
mod files;
mod history;
mod live_login;
mod live_login_rigs;
mod locks;
mod preferences;
mod readings;
mod samples;
mod sessions;
mod signin;
mod signin_moods;
