//! What is counted on the wire before it is multiplied by a price, and what is assumed because it cannot be counted here.

/// What one piece of work asks of the services.
#[derive(Clone, Debug, Default)]
pub struct Work {
    /// Requests to DynamoDB.
    pub table_requests: f64,
    /// Read units that they take.
    pub reads: f64,
    /// Write units, those of the indexes included.
    pub writes: f64,
    /// Requests to SQS.
    pub queue_requests: f64,
    /// Searches.
    pub searches: f64,
    /// Calls of the embedding model.
    pub embeddings: f64,
    /// Calls of the chat model.
    pub answers: f64,
}

impl Work {
    /// The share of one of `count`.
    #[must_use]
    pub fn each(&self, count: f64) -> Self {
        Self {
            table_requests: self.table_requests / count,
            reads: self.reads / count,
            writes: self.writes / count,
            queue_requests: self.queue_requests / count,
            searches: self.searches / count,
            embeddings: self.embeddings / count,
            answers: self.answers / count,
        }
    }
}

impl std::ops::AddAssign for Work {
    fn add_assign(&mut self, other: Self) {
        self.table_requests += other.table_requests;
        self.reads += other.reads;
        self.writes += other.writes;
        self.queue_requests += other.queue_requests;
        self.searches += other.searches;
        self.embeddings += other.embeddings;
        self.answers += other.answers;
    }
}

/// What was counted of a conversation, as the share of one of its turns.
#[derive(Clone, Debug)]
pub struct Turn {
    /// Turns of the conversation.
    pub of: u32,
    /// By `chat`, in the request.
    pub chat: Work,
    /// By `relay`, after it.
    pub relay: Work,
    /// Bytes of the streamed answer.
    pub streamed: f64,
    /// Bytes that stay in the table: what is put, without what expires by itself.
    pub stored: f64,
}

/// What was counted of deliveries to a webhook in one batch, as the share of one of them.
#[derive(Clone, Debug)]
pub struct Delivered {
    /// Deliveries in the batch.
    pub batch: u32,
    /// By `relay`.
    pub relay: Work,
    /// By `deliver`.
    pub deliver: Work,
}

/// Everything that was counted.
#[derive(Clone, Debug)]
pub struct Counted {
    /// A turn.
    pub turn: Turn,
    /// A tick that finds nothing to do.
    pub tick: Work,
    /// Deliveries, one by one and in full batches.
    pub deliveries: Vec<Delivered>,
}

/// What cannot be counted on this machine.
#[derive(Clone, Debug, clap::Args)]
pub struct Assumed {
    /// Seconds from a question's event to the end of its answer, most of them waiting for the model.
    #[arg(long, default_value_t = 3.0)]
    pub seconds: f64,
    /// CPU of a turn in milliseconds, on a whole core: the figure of the whole local stack in BENCHMARKS.md, its stores included.
    #[arg(long, default_value_t = 5.67)]
    pub cpu_ms: f64,
    /// Tokens of a prompt: rules, eight passages of about 1,000 characters, what was said before, the question.
    #[arg(long, default_value_t = 2_500.0)]
    pub input_tokens: f64,
    /// Tokens of an answer.
    #[arg(long, default_value_t = 250.0)]
    pub output_tokens: f64,
    /// Tokens that are embedded to search for a question.
    #[arg(long, default_value_t = 30.0)]
    pub question_tokens: f64,
    /// Tokens of the prompt for a conversation's title.
    #[arg(long, default_value_t = 300.0)]
    pub title_tokens: f64,
    /// Seconds that a title takes.
    #[arg(long, default_value_t = 1.0)]
    pub title_seconds: f64,
    /// Bytes that an invocation writes into its log: half of a turn's five lines of 4.2 kB, metrics among them, and what
    /// Lambda writes by itself.
    #[arg(long, default_value_t = 2_500.0)]
    pub log_bytes: f64,
    /// Milliseconds that a webhook's receiver takes to answer.
    #[arg(long, default_value_t = 100.0)]
    pub receiver_ms: f64,
}
