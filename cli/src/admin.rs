//! The first owner of a deployment, its signing key, its index, and what was lost of its table.

mod reindex;

use std::io::Read;

use aws_types::SdkConfig;
use clap::{Args, Subcommand};
use shared::{
    accounts::{self, Account},
    clock::Clock,
    error::Error,
    logins::{Email, Password, base32},
    secrets,
    store::Table,
};

/// Characters of a password that is made here: 100 bits.
const GENERATED: usize = 20;

#[derive(Subcommand)]
pub(crate) enum Admin {
    /// Makes an organisation with its bot and its owner, who can sign in at once.
    CreateOwner(CreateOwner),
    /// Lets a new key sign members' tokens. Nobody is signed out, unless the old key is revoked.
    RotateSigningKey(RotateSigningKey),
    /// Has all documents written into the index once more: into the next one, when the deployment names one.
    Reindex(Reindex),
    /// Puts into a table what another one (one that was restored) has and it lacks. Nothing is overwritten.
    Fill(Fill),
}

#[derive(Args)]
pub(crate) struct Reindex {
    /// The stack's table (its output TableName).
    #[arg(long)]
    table: String,
}

#[derive(Args)]
pub(crate) struct Fill {
    /// The table that lacks something.
    #[arg(long)]
    table: String,
    /// The table that has it.
    #[arg(long)]
    from: String,
}

#[derive(Args)]
pub(crate) struct CreateOwner {
    /// The stack's table (its output TableName).
    #[arg(long)]
    table: String,
    /// What the owner signs in with; it counts as proved.
    #[arg(long)]
    email: String,
    /// What the owner is called.
    #[arg(long)]
    name: String,
    /// What the organisation is called.
    #[arg(long)]
    organization: String,
    /// Read the password from standard input (without the line's end) instead of making one up and printing it.
    #[arg(long)]
    password_stdin: bool,
}

#[derive(Args)]
pub(crate) struct RotateSigningKey {
    /// The stack's table (its output TableName).
    #[arg(long)]
    table: String,
    /// The SSM parameter of the key: /docent/<stack name>/signing-key.
    #[arg(long)]
    parameter: String,
    /// Refuse all tokens of the old key within 5 minutes, not after an hour: when it may be known to others.
    #[arg(long)]
    revoke_old: bool,
}

/// Does it, and gives what to say.
pub(crate) async fn run(what: Admin, sdk: &SdkConfig) -> Result<String, Error> {
    match what {
        Admin::CreateOwner(asked) => create_owner(sdk, asked).await,
        Admin::RotateSigningKey(asked) => rotate_signing_key(sdk, asked).await,
        Admin::Reindex(asked) => reindex::ask(&table(sdk, asked.table)).await,
        Admin::Fill(asked) => {
            let filled = table(sdk, asked.table).fill_from(&table(sdk, asked.from)).await?;
            Ok(format!("{filled} rows were put back."))
        }
    }
}

fn table(sdk: &SdkConfig, name: String) -> Table {
    Table::new(aws_sdk_dynamodb::Client::new(sdk), name)
}

async fn create_owner(sdk: &SdkConfig, asked: CreateOwner) -> Result<String, Error> {
    let email = Email::parse(&asked.email)?;
    let (password, shown) = if asked.password_stdin {
        (stdin()?, None)
    } else {
        let made = base32(GENERATED);
        (made.clone(), Some(made))
    };
    let hash = Password::new(password, &email)?.hash().await?;
    let name = accounts::name(&asked.name, "name")?;
    let organization = accounts::name(&asked.organization, "organization")?;
    let mut account = Account::new(email, hash, name, &organization, Clock::default().now());
    account.owner.email_verified = true;
    let written = table(sdk, asked.table).transact(account.create()?).await;
    written.map_err(accounts::taken)?;
    let owner = &account.owner;
    let mut said = format!(
        "{} owns {organization} (tenant {}, bot {}).",
        owner.email, owner.tenant, owner.default_bot
    );
    if let Some(password) = shown {
        said.push_str(&format!("\nPassword, shown only now: {password}"));
    }
    Ok(said)
}

fn stdin() -> Result<String, Error> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(Error::internal)?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

async fn rotate_signing_key(sdk: &SdkConfig, asked: RotateSigningKey) -> Result<String, Error> {
    let table = table(sdk, asked.table);
    let now = Clock::default().now();
    let rotated = secrets::rotate(sdk, &table, &asked.parameter, asked.revoke_old, now).await?;
    let old = rotated.old;
    let old = match asked.revoke_old {
        true => format!("tokens of {old} are refused within 5 minutes"),
        false => format!("tokens of {old} expire as they would have"),
    };
    Ok(format!("Key {} signs within 5 minutes; {old}.", rotated.new))
}
