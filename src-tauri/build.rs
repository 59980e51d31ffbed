//! Makes the access control list from `capabilities` and `permissions`, and makes the binary follow the page: Tauri tracks
//! the files it has embedded, but not files that appear later. That there is a permission of ours at all is what has Tauri
//! refuse every command that no capability grants (<https://v2.tauri.app/security/capabilities/>).

fn main() {
    println!("cargo:rerun-if-changed=../ui/dist");
    println!("cargo:rerun-if-changed=../icons");
    tauri_build::build();
}
