# The few tasks of every day.
.PHONY: run test check bench fmt

run: ; cargo run
test: ; cargo test --workspace
check: ; bash .ci/run
fmt: ; cargo fmt --all
bench: ; cargo run --release -p tests --bin bench -- turn
