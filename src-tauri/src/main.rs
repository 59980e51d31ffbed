//! The app's binary. Everything is in the library, so that tests can reach it.

fn main() -> std::process::ExitCode {
    signalbox_app::run()
}
