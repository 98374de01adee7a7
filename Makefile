# The few tasks of every day.
.PHONY: run test check bench fmt sam-local

run: ; cargo run
test: ; cargo test --workspace
check: ; bash .ci/run
fmt: ; cargo fmt --all
bench: ; cargo run --release -p tests --bin bench -- turn
# Every function through `sam local invoke`; needs sam and Docker (docs/local-lambda.md).
sam-local: ; cargo build --workspace --bins && .ci/sam-local
