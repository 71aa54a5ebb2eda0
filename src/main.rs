//! The `bullrs` binary.

fn main() -> std::process::ExitCode {
    bullrs::cli::run()
}
