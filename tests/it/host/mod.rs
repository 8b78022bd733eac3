//! The host's life: started, asked, stopped, left idle, and never where none is wanted.

mod autostart;
mod life;
