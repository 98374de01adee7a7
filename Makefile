# The few tasks of every day.
.PHONY: run test check bench fmt lambda sam-local

run: ; cargo run
test: ; cargo test --workspace
check: ; bash .ci/run
fmt: ; cargo fmt --all
bench: ; cargo run --release -p tests --bin bench -- turn
# What template.yaml packages. The workspace's default member is the local stack.
lambda: ; cargo lambda build --profile deploy --arm64 --workspace --exclude cli --exclude tests --exclude 'local*'
# Every function through `sam local invoke`; needs sam and Docker (docs/local-lambda.md).
sam-local: ; cargo build --workspace --bins && .ci/sam-local
