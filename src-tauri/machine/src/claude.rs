//! The unmodified Claude Code as a child of ours, in a config folder of its own: what the delegated engine (`delegate`)
//! and signing in (`signin`) share. Owns finding the program (`program`), the environment in which it uses the login of
//! its folder and no other (`environment`), where that login lies (`place`), telling later whether the child is still at
//! work (`running`), and how a folder goes (`folder`). Leaves what it is started for, and when its folder goes, to those
//! two.

pub mod environment;
pub mod folder;
pub mod place;
pub mod program;
pub mod running;
#[cfg(test)]
pub mod scripted;
