//! Secrets of a deployment, in SSM: the key that signs members' tokens and the key that seals secrets at rest. Each is made
//! by the first who needs it, without overwriting; only functions that hold a [`Secrets`] can read them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use aws_sdk_ssm::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    types::ParameterType,
};
use aws_types::SdkConfig;

use crate::{
    app::App,
    clock::Time,
    config::{ConfigError, required},
    error::{Error, chain},
    sdk::OnUse,
    sealing::SealingKey,
    store::{Row, Table},
    tokens::{PublicKey, SigningKey},
};

/// How long a process uses the signing key that it read, in milliseconds: so long a rotation takes.
const READ_AGAIN: i64 = 5 * 60 * 1000;
/// How long tokens of the key before are believed after a rotation, in milliseconds: longer than a token lives and than a
/// process goes on with the old key.
const OLD_KEY: i64 = 3_600_000;

/// The secrets, read when they are needed.
#[derive(Clone)]
pub struct Secrets {
    parameters: Parameters,
    signing: String,
    sealer: Sealer,
    known: Arc<Mutex<Option<Signing>>>,
}

/// The key that signs, and when it was read.
type Signing = (Arc<SigningKey>, Time);

/// The key that seals, for functions that may read no other secret.
#[derive(Clone)]
pub struct Sealer {
    parameters: Parameters,
    name: String,
    known: Arc<Mutex<Option<Arc<SealingKey>>>>,
}

impl Secrets {
    /// The secrets whose parameters a function's variables name.
    ///
    /// # Errors
    /// Names the variable that is missing.
    pub fn new(vars: &HashMap<String, String>, sdk: &SdkConfig) -> Result<Self, ConfigError> {
        Ok(Self {
            parameters: Parameters(OnUse::new(sdk)),
            signing: required(vars, "SIGNING_KEY_PARAMETER")?,
            sealer: Sealer::new(vars, sdk)?,
            known: Arc::default(),
        })
    }

    /// The key that signs.
    ///
    /// # Errors
    /// When SSM or the table does not answer.
    pub async fn signing_key(&self, app: &App) -> Result<Arc<SigningKey>, Error> {
        let now = app.clock.now();
        if let Some((key, read)) = &*self.known()
            && now < read.plus(READ_AGAIN)
        {
            return Ok(Arc::clone(key));
        }
        let stored = match (self.parameters.get(&self.signing).await, &*self.known()) {
            (Ok(stored), _) => stored,
            // SSM being away is no reason to let nobody in, for as long as a replaced key is believed anyway.
            (Err(error), Some((key, read))) if now < read.plus(OLD_KEY) => {
                tracing::warn!(cause = %chain(&error), "the signing key could not be read again");
                return Ok(Arc::clone(key));
            }
            (Err(error), _) => return Err(error),
        };
        let stored = match stored {
            Some(stored) => stored,
            None => self.parameters.make(&self.signing, SigningKey::generate()?.1).await?,
        };
        let key = Arc::new(SigningKey::parse(&stored)?);
        // Before anything is signed with it. One that was revoked meanwhile stays so.
        app.table.put_new(&key.public_key(now)).await?;
        *self.known() = Some((Arc::clone(&key), now));
        Ok(key)
    }

    /// The key that seals.
    ///
    /// # Errors
    /// When SSM does not answer.
    pub async fn sealing_key(&self) -> Result<Arc<SealingKey>, Error> {
        self.sealer.key().await
    }

    fn known(&self) -> MutexGuard<'_, Option<Signing>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sealer {
    /// The key whose parameter a function's variables name.
    ///
    /// # Errors
    /// Names the variable that is missing.
    pub fn new(vars: &HashMap<String, String>, sdk: &SdkConfig) -> Result<Self, ConfigError> {
        Ok(Self {
            parameters: Parameters(OnUse::new(sdk)),
            name: required(vars, "SEALING_KEY_PARAMETER")?,
            known: Arc::default(),
        })
    }

    /// The key. Whoever needs it first makes it.
    ///
    /// # Errors
    /// When SSM does not answer.
    pub async fn key(&self) -> Result<Arc<SealingKey>, Error> {
        if let Some(key) = &*self.known() {
            return Ok(Arc::clone(key));
        }
        let stored = match self.parameters.get(&self.name).await? {
            Some(stored) => stored,
            None => self.parameters.make(&self.name, SealingKey::generate()).await?,
        };
        let key = Arc::new(SealingKey::parse(&stored)?);
        *self.known() = Some(Arc::clone(&key));
        Ok(key)
    }

    fn known(&self) -> MutexGuard<'_, Option<Arc<SealingKey>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Names of the keys of a rotation.
#[derive(Debug)]
pub struct Rotated {
    /// The one that signs from now on.
    pub new: String,
    /// The one before.
    pub old: String,
}

/// Lets a new key sign. Tokens of the old one are believed for another hour, or, when it is revoked, until processes read
/// its row again (5 minutes).
///
/// # Errors
/// When SSM or the table does not answer. What was done by then harms nothing: it can be run again.
pub async fn rotate(
    sdk: &SdkConfig,
    table: &Table,
    parameter: &str,
    revoke_old: bool,
    now: Time,
) -> Result<Rotated, Error> {
    let parameters = Parameters(OnUse::new(sdk));
    let stored = parameters.get(parameter).await?.ok_or_else(|| {
        Error::field(
            "parameter",
            "is not there; the first sign-in makes it, so its name is probably mistyped",
        )
    })?;
    let old = SigningKey::parse(&stored)?;
    let (new, stored) = SigningKey::generate()?;
    table.put(&new.public_key(now)).await?;
    // The old one ends first: whatever happens from here, it is not believed for longer, and another run ends it again.
    let known: Option<PublicKey> = table.get(&Row::key(&old.public_key(now))).await?;
    let ended = PublicKey {
        until: Some(if revoke_old { now } else { now.plus(OLD_KEY) }),
        ..known.unwrap_or(old.public_key(now))
    };
    table.put(&ended).await?;
    parameters.put(parameter, stored, true).await?;
    Ok(Rotated {
        new: new.kid().to_owned(),
        old: old.kid().to_owned(),
    })
}

/// SSM's parameter store.
#[derive(Clone)]
struct Parameters(OnUse<Client>);

impl Parameters {
    fn client(&self) -> &Client {
        self.0.get(Client::new)
    }

    async fn get(&self, name: &str) -> Result<Option<String>, Error> {
        let sent = self
            .client()
            .get_parameter()
            .name(name)
            .with_decryption(true)
            .send()
            .await;
        match sent {
            Ok(answer) => Ok(answer.parameter.and_then(|parameter| parameter.value)),
            Err(error) if error.code() == Some("ParameterNotFound") => Ok(None),
            Err(error) => Err(ssm_error(error)),
        }
    }

    /// Makes a parameter, unless somebody else just did; gives what it is then.
    async fn make(&self, name: &str, value: String) -> Result<String, Error> {
        if self.put(name, value.clone(), false).await? {
            return Ok(value);
        }
        let made = self.get(name).await?;
        made.ok_or_else(|| Error::unavailable("a parameter is there and is not"))
    }

    /// Writes a parameter; `false` when it is there and was not to be overwritten.
    async fn put(&self, name: &str, value: String, overwrite: bool) -> Result<bool, Error> {
        let sent = self
            .client()
            .put_parameter()
            .name(name)
            .value(value)
            .r#type(ParameterType::SecureString)
            .overwrite(overwrite)
            .send()
            .await;
        match sent {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Some("ParameterAlreadyExists") => Ok(false),
            Err(error) => Err(ssm_error(error)),
        }
    }
}

fn ssm_error<E, R>(error: SdkError<E, R>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    match error.code() {
        Some("ThrottlingException" | "InternalServerError" | "TooManyUpdates") | None => Error::unavailable(error),
        Some(_) => Error::internal(error),
    }
}
