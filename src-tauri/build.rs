//! Builds the capability schema and makes the binary follow the page: Tauri tracks the files it has embedded, but not
//! files that appear later.

fn main() {
    println!("cargo:rerun-if-changed=../ui/dist");
    println!("cargo:rerun-if-changed=../icons");
    tauri_build::build();
}
