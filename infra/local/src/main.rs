//! docent on one machine.

fn main() -> std::process::ExitCode {
    local::cli::run()
}
