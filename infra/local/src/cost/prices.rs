//! What AWS asks, in one dated table: list prices in USD of us-east-1, on demand, without contracts or credits.
//!
//! AWS's own pages fill their figures in by script, so that what could be read of most of them is what others quote; where
//! it was read and when stands beside each. Figures that were read nowhere say "not confirmed".

/// When the table was gone through the last time.
pub const AS_OF: &str = "November 2026";
/// Hours of a month, as AWS counts them.
pub const HOURS: f64 = 730.0;
/// Minutes of a month.
pub const MINUTES: f64 = HOURS * 60.0;
/// Of what could not be read anywhere.
const NOT_CONFIRMED: &str = "not confirmed";

/// A price.
#[derive(Debug)]
pub struct Price {
    /// What it is for.
    pub what: &'static str,
    /// USD for [`Price::per`] units.
    pub usd: f64,
    /// So many units.
    pub per: f64,
    /// What a unit is.
    pub unit: &'static str,
    /// Units that every account has for nothing each month, for good. Offers of a first year are not counted.
    pub free: f64,
    /// AWS's page, below <https://aws.amazon.com>.
    pub page: &'static str,
    /// Where and when the figure was read.
    pub seen: &'static str,
}

impl Price {
    /// USD of so many units.
    #[must_use]
    pub fn of(&self, units: f64) -> f64 {
        units * self.usd / self.per
    }

    /// USD of so many units in a month, when nothing else in the account uses its allowance.
    #[must_use]
    pub fn beyond_free(&self, units: f64) -> f64 {
        self.of((units - self.free).max(0.0))
    }
}

const fn price(what: &'static str, usd: f64, per: f64, unit: &'static str, page: &'static str) -> Price {
    Price {
        what,
        usd,
        per,
        unit,
        free: 0.0,
        page,
        seen: NOT_CONFIRMED,
    }
}

impl Price {
    const fn free(self, free: f64) -> Self {
        Self { free, ..self }
    }

    const fn seen(self, seen: &'static str) -> Self {
        Self { seen, ..self }
    }
}

/// A million.
pub const MILLION: f64 = 1_000_000.0;

/// Declares the prices, and the list of all of them.
macro_rules! prices {
    ($($(#[$doc:meta])* $name:ident = $price:expr;)*) => {
        $($(#[$doc])* pub static $name: Price = $price;)*
        /// All of them.
        pub static ALL: &[&Price] = &[$(&$name),*];
    };
}

prices! {
    /// Invocations.
    LAMBDA_REQUEST = price("Lambda, invocations", 0.20, MILLION, "invocations", "/lambda/pricing/")
        .free(MILLION).seen("cloudchipr.com, 2024");
    /// Memory × time, arm64, of the first 7.5 billion a month.
    LAMBDA_GB_SECOND = price("Lambda, duration on arm64", 0.000_013_333_4, 1.0, "GB-seconds", "/lambda/pricing/")
        .free(400_000.0).seen("cloudchipr.com, 2024");
    /// Memory × time of functions that are kept ready.
    LAMBDA_PROVISIONED = price("Lambda, provisioned concurrency on arm64", 0.000_003_333_4, 1.0, "GB-seconds", "/lambda/pricing/")
        .seen("tables in public code, 2025");
    /// Requests to a REST API; each 10 MB of a streamed answer that are begun count as one.
    API_REQUEST = price("API Gateway, REST requests (each 10 MB of a streamed answer)", 3.50, MILLION, "requests", "/api-gateway/pricing/")
        .seen("awsforengineers.com, May 2025; the 10 MB: AWS Compute Blog, 2025-11-19");
    /// A REST API's cache of the smallest size.
    API_CACHE = price("API Gateway, cache of 0.5 GB", 0.02, 1.0, "hours", "/api-gateway/pricing/")
        .seen("awsforengineers.com, May 2025");
    /// From AWS to the internet, the first 10 TB.
    DATA_OUT = price("Data transfer to the internet", 0.09, 1.0, "GB", "/ec2/pricing/on-demand/")
        .free(100.0).seen("apigatewaycost.com, 2026; the allowance not confirmed");
    /// On demand, 1 KB.
    DYNAMODB_WRITE = price("DynamoDB, write units on demand", 0.625, MILLION, "units of 1 KB", "/dynamodb/pricing/on-demand/")
        .seen("airbyte.com, July 2025");
    /// On demand, 4 KB.
    DYNAMODB_READ = price("DynamoDB, read units on demand", 0.125, MILLION, "units of 4 KB", "/dynamodb/pricing/on-demand/")
        .seen("airbyte.com, July 2025");
    /// What the table and its indexes hold.
    DYNAMODB_STORAGE = price("DynamoDB, storage", 0.25, 1.0, "GB-months", "/dynamodb/pricing/on-demand/")
        .free(25.0).seen("AWS's page, older copy");
    /// Continuous backup of what the table holds.
    DYNAMODB_PITR = price("DynamoDB, point-in-time recovery", 0.20, 1.0, "GB-months", "/dynamodb/pricing/on-demand/")
        .seen("output of Infracost in public code, undated");
    /// Standard queues; each 64 KB of a message count as one, and so does a receive that finds nothing.
    SQS_REQUEST = price("SQS, requests (each 64 KB)", 0.40, MILLION, "requests", "/sqs/pricing/")
        .free(MILLION).seen("cloudburn.io, March 2026");
    /// On top, for messages with a group id in a standard queue.
    SQS_FAIR = price("SQS, fair queues, on top", 0.10, MILLION, "requests", "/sqs/pricing/")
        .seen("cloudburn.io, March 2026");
    /// Standard class.
    S3_STORAGE = price("S3, storage", 0.023, 1.0, "GB-months", "/s3/pricing/")
        .seen("devnotes.tech, undated");
    /// Uploads and lists.
    S3_WRITE = price("S3, PUT and LIST", 0.005, 1_000.0, "requests", "/s3/pricing/")
        .seen("devnotes.tech, undated");
    /// Downloads.
    S3_READ = price("S3, GET", 0.000_4, 1_000.0, "requests", "/s3/pricing/")
        .seen("devnotes.tech, undated");
    /// Into a log group of the standard class.
    LOGS_IN = price("CloudWatch Logs, taken in", 0.50, 1.0, "GB", "/cloudwatch/pricing/")
        .free(5.0).seen("factualminds.com, June 2026");
    /// What a log group holds, compressed.
    LOGS_STORAGE = price("CloudWatch Logs, kept", 0.03, 1.0, "GB-months", "/cloudwatch/pricing/");
    /// One metric at standard resolution.
    ALARM = price("CloudWatch, alarms (each metric)", 0.10, 1.0, "alarm-months", "/cloudwatch/pricing/")
        .free(10.0).seen("c3x.dev, 2026; AWS's page (allowance)");
    /// One metric that is looked at more often than once a minute.
    FAST_ALARM = price("CloudWatch, alarms of less than a minute", 0.30, 1.0, "alarm-months", "/cloudwatch/pricing/")
        .seen("c3x.dev, 2026");
    /// An alarm that is made of others.
    COMPOSITE_ALARM = price("CloudWatch, composite alarms", 0.50, 1.0, "alarm-months", "/cloudwatch/pricing/")
        .seen("c3x.dev, 2026");
    /// With up to 50 metrics.
    DASHBOARD = price("CloudWatch, dashboards", 3.00, 1.0, "dashboard-months", "/cloudwatch/pricing/")
        .free(3.0).seen("factualminds.com, June 2026; AWS's page (allowance)");
    /// A metric of our own, in the months in which it is sent.
    CUSTOM_METRIC = price("CloudWatch, custom metrics", 0.30, 1.0, "metric-months", "/cloudwatch/pricing/")
        .free(10.0).seen("signoz.io, February 2026; AWS's page (allowance)");
    /// Each trace that is kept.
    TRACE = price("X-Ray, traces recorded", 5.00, MILLION, "traces", "/xray/pricing/")
        .free(100_000.0).seen("AWS's page, undated copy");
    /// A customer's own key.
    KMS_KEY = price("KMS, customer's keys", 1.00, 1.0, "key-months", "/kms/pricing/")
        .seen("AWS's page, undated copy");
    /// A secret of Secrets Manager.
    SECRET = price("Secrets Manager, secrets", 0.40, 1.0, "secret-months", "/secrets-manager/pricing/");
    /// A zone of Route 53.
    HOSTED_ZONE = price("Route 53, hosted zones", 0.50, 1.0, "zone-months", "/route53/pricing/");
    /// Mail.
    MAIL = price("SES, mails", 0.10, 1_000.0, "mails", "/ses/pricing/");
    /// A web ACL.
    WAF_ACL = price("WAF, web ACLs", 5.00, 1.0, "ACL-months", "/waf/pricing/")
        .seen("c3x.dev, 2026");
    /// A rule, or a group of rules, in a web ACL.
    WAF_RULE = price("WAF, rules", 1.00, 1.0, "rule-months", "/waf/pricing/")
        .seen("c3x.dev, 2026");
    /// Requests that a web ACL looks at.
    WAF_REQUEST = price("WAF, requests", 0.60, MILLION, "requests", "/waf/pricing/")
        .seen("c3x.dev, 2026");
    /// Compute of a serverless collection.
    SEARCH_OCU = price("OpenSearch Serverless, OCU", 0.24, 1.0, "OCU-hours", "/opensearch-service/pricing/")
        .seen("c3x.dev, 2026 (for classic; for the next generation not confirmed)");
    /// What a serverless collection holds.
    SEARCH_SERVERLESS_STORAGE = price("OpenSearch Serverless, storage", 0.024, 1.0, "GB-months", "/opensearch-service/pricing/")
        .seen("c3x.dev, 2026");
    /// The smallest instance of a domain.
    SEARCH_SMALL = price("OpenSearch domain, t3.small.search", 0.036, 1.0, "hours", "/opensearch-service/pricing/")
        .seen("tables in public code, 2024 and 2025");
    /// The next instance of a domain.
    SEARCH_MEDIUM = price("OpenSearch domain, t3.medium.search", 0.073, 1.0, "hours", "/opensearch-service/pricing/")
        .seen("tables in public code, 2024 and 2025");
    /// The disk of a domain.
    SEARCH_GP3 = price("OpenSearch domain, gp3 disk", 0.122, 1.0, "GB-months", "/opensearch-service/pricing/")
        .seen("a guide in public code, 2025");
    /// A NAT gateway, without its traffic.
    NAT_GATEWAY = price("VPC, NAT gateways", 0.045, 1.0, "hours", "/vpc/pricing/")
        .seen("cloudburn.io, February 2026");
    /// An interface endpoint in one zone, without its traffic.
    INTERFACE_ENDPOINT = price("VPC, interface endpoints (each zone)", 0.01, 1.0, "hours", "/privatelink/pricing/")
        .seen("factualminds.com, June 2026");
    /// A public address, used or not.
    PUBLIC_ADDRESS = price("VPC, public IPv4 addresses", 0.005, 1.0, "hours", "/vpc/pricing/")
        .seen("cloudburn.io, February 2026");
    /// An application load balancer, without its traffic.
    LOAD_BALANCER = price("Load balancers", 0.022_5, 1.0, "hours", "/elasticloadbalancing/pricing/");
    /// A stream, on demand.
    KINESIS_STREAM = price("Kinesis, streams on demand", 0.04, 1.0, "stream-hours", "/kinesis/data-streams/pricing/");
    /// A shard.
    KINESIS_SHARD = price("Kinesis, shards", 0.015, 1.0, "shard-hours", "/kinesis/data-streams/pricing/")
        .seen("c3x.dev, 2026");
    /// Tokens that are embedded.
    EMBEDDING = price("Bedrock, Titan Text Embeddings V2", 0.02, MILLION, "tokens", "/bedrock/pricing/")
        .seen("tables in public code, 2025 and 2026");
}
