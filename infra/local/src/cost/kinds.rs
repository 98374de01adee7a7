//! What a resource costs in a month in which nobody uses it, by its type. A type that is not here is an error: whoever adds
//! a resource to the template says what it costs.

use super::prices::{self, HOURS, Price};
use crate::{
    error::Error,
    template::{Resource, Template},
};

/// What a resource costs without any use.
#[derive(Debug)]
pub struct Idle {
    /// Units a month of each price.
    pub parts: Vec<(f64, &'static Price)>,
    /// Whether it is paid by the hour or the month for being there: what the default template must not have.
    pub always_on: bool,
    /// Why it costs that.
    pub why: String,
}

impl Idle {
    /// USD a month at list price.
    #[must_use]
    pub fn usd(&self) -> f64 {
        self.parts.iter().map(|(units, price)| price.of(*units)).sum()
    }

    fn nothing(why: impl Into<String>) -> Self {
        Self::parts(Vec::new(), why)
    }

    fn parts(parts: Vec<(f64, &'static Price)>, why: impl Into<String>) -> Self {
        Self {
            parts,
            always_on: false,
            why: why.into(),
        }
    }

    fn always(parts: Vec<(f64, &'static Price)>, why: impl Into<String>) -> Self {
        Self {
            parts,
            always_on: true,
            why: why.into(),
        }
    }
}

const RULES: &str = "rules and names cost nothing";
const USE: &str = "paid by use only";

/// Types that cost nothing by being there.
const NOTHING: [(&str, &str); 40] = [
    ("AWS::ApiGateway::Account", RULES),
    ("AWS::ApiGateway::BasePathMapping", RULES),
    ("AWS::ApiGateway::DomainName", RULES),
    ("AWS::ApiGateway::GatewayResponse", RULES),
    ("AWS::ApiGateway::UsagePlan", RULES),
    ("AWS::ApplicationAutoScaling::ScalableTarget", RULES),
    ("AWS::Budgets::Budget", "a budget without actions is free"),
    ("AWS::CertificateManager::Certificate", "public certificates are free"),
    ("AWS::EC2::Route", RULES),
    ("AWS::EC2::RouteTable", RULES),
    ("AWS::EC2::SecurityGroup", RULES),
    ("AWS::EC2::Subnet", RULES),
    ("AWS::EC2::SubnetRouteTableAssociation", RULES),
    ("AWS::EC2::VPC", RULES),
    ("AWS::Events::Rule", "rules on AWS's own events and schedules are free"),
    ("AWS::IAM::ManagedPolicy", RULES),
    ("AWS::IAM::Policy", RULES),
    ("AWS::IAM::Role", RULES),
    ("AWS::KMS::Alias", RULES),
    ("AWS::Lambda::Permission", RULES),
    ("AWS::Logs::QueryDefinition", RULES),
    ("AWS::Logs::ResourcePolicy", RULES),
    ("AWS::Logs::SubscriptionFilter", USE),
    ("AWS::OpenSearchServerless::AccessPolicy", RULES),
    ("AWS::OpenSearchServerless::Index", RULES),
    ("AWS::OpenSearchServerless::LifecyclePolicy", RULES),
    ("AWS::OpenSearchServerless::SecurityPolicy", RULES),
    ("AWS::ResourceGroups::Group", RULES),
    ("AWS::Route53::RecordSet", RULES),
    ("AWS::S3::BucketPolicy", RULES),
    ("AWS::Serverless::HttpApi", USE),
    ("AWS::Serverless::LayerVersion", RULES),
    ("AWS::SNS::Subscription", USE),
    ("AWS::SNS::Topic", USE),
    ("AWS::SNS::TopicPolicy", RULES),
    ("AWS::SQS::QueuePolicy", RULES),
    ("AWS::WAFv2::LoggingConfiguration", USE),
    ("AWS::WAFv2::WebACLAssociation", RULES),
    ("AWS::XRay::Group", RULES),
    ("AWS::XRay::SamplingRule", RULES),
];

/// Types that run, or are kept ready, all the time at a price that depends on their size.
const BY_SIZE: [&str; 17] = [
    "AWS::AmazonMQ::Broker",
    "AWS::AppRunner::Service",
    "AWS::DAX::Cluster",
    "AWS::DocDB::DBInstance",
    "AWS::EC2::Instance",
    "AWS::ECS::Service",
    "AWS::EKS::Cluster",
    "AWS::ElastiCache::CacheCluster",
    "AWS::ElastiCache::ReplicationGroup",
    "AWS::ElastiCache::ServerlessCache",
    "AWS::Elasticsearch::Domain",
    "AWS::MSK::Cluster",
    "AWS::Neptune::DBInstance",
    "AWS::RDS::DBCluster",
    "AWS::RDS::DBInstance",
    "AWS::Redshift::Cluster",
    "AWS::SageMaker::Endpoint",
];

/// What a resource costs in a month without any use.
///
/// # Errors
/// When nobody has said what its type costs, or a property cannot be read.
pub fn idle(template: &Template, resource: &Resource<'_>) -> Result<Idle, Error> {
    if let Some((_, why)) = NOTHING.iter().find(|(kind, _)| *kind == resource.kind) {
        return Ok(Idle::nothing(*why));
    }
    if BY_SIZE.contains(&resource.kind) {
        return Ok(Idle::always(Vec::new(), "by the hour, by its size"));
    }
    let hourly = |price| Ok(Idle::always(vec![(HOURS, price)], "by the hour"));
    let monthly = |price| Ok(Idle::parts(vec![(1.0, price)], "by the month"));
    match resource.kind {
        "AWS::Serverless::Function" => function(template, resource),
        "AWS::Serverless::Api" => api(template, resource),
        "AWS::DynamoDB::Table" => table(template, resource),
        "AWS::SQS::Queue" => Ok(Idle::nothing("nothing by itself; Lambda's polling is below")),
        "AWS::CloudWatch::Alarm" => alarm(template, resource),
        "AWS::CloudWatch::CompositeAlarm" => monthly(&prices::COMPOSITE_ALARM),
        "AWS::CloudWatch::Dashboard" => monthly(&prices::DASHBOARD),
        "AWS::Logs::MetricFilter" => Ok(metric()),
        "AWS::Logs::LogGroup" => Ok(holds(&[&prices::LOGS_STORAGE])),
        "AWS::S3::Bucket" => Ok(holds(&[&prices::S3_STORAGE])),
        "AWS::KMS::Key" => monthly(&prices::KMS_KEY),
        "AWS::SecretsManager::Secret" => monthly(&prices::SECRET),
        "AWS::Route53::HostedZone" => monthly(&prices::HOSTED_ZONE),
        "AWS::WAFv2::WebACL" => web_acl(template, resource),
        "AWS::OpenSearchServerless::Collection" => collection(template, resource),
        "AWS::OpenSearchServerless::CollectionGroup" => group(template, resource),
        "AWS::OpenSearchService::Domain" => domain(template, resource),
        "AWS::EC2::NatGateway" => hourly(&prices::NAT_GATEWAY),
        "AWS::EC2::EIP" => hourly(&prices::PUBLIC_ADDRESS),
        "AWS::EC2::VPCEndpoint" => endpoint(template, resource),
        "AWS::ElasticLoadBalancingV2::LoadBalancer" => hourly(&prices::LOAD_BALANCER),
        "AWS::Kinesis::Stream" => stream(template, resource),
        kind => Err(Error::Template(format!(
            "{} is of the type {kind}, and nobody has said what that costs when it is idle: add it to infra/local/src/cost/kinds.rs",
            resource.id
        ))),
    }
}

/// What costs only what lies in it.
fn holds(prices: &[&Price]) -> Idle {
    let each: Vec<String> = prices.iter().map(|price| price.usd.to_string()).collect();
    Idle::nothing(format!("what it holds, a GB and month: {} USD", each.join(" + ")))
}

fn metric() -> Idle {
    let price = prices::CUSTOM_METRIC.usd;
    Idle::nothing(format!("its metric: {price} USD in a month in which a line matches"))
}

fn function(template: &Template, resource: &Resource<'_>) -> Result<Idle, Error> {
    let path = ["ProvisionedConcurrencyConfig", "ProvisionedConcurrentExecutions"];
    let ready = template.number(resource, &path)?.unwrap_or_default();
    if ready == 0.0 {
        return Ok(Idle::nothing("runs when it is called only"));
    }
    let memory = template.number(resource, &["MemorySize"])?.unwrap_or(128.0);
    let seconds = ready * memory / 1024.0 * HOURS * 3600.0;
    let parts = vec![(seconds, &prices::LAMBDA_PROVISIONED)];
    Ok(Idle::always(parts, "provisioned concurrency, by the second"))
}

fn api(template: &Template, resource: &Resource<'_>) -> Result<Idle, Error> {
    match template.text(resource, &["CacheClusterEnabled"])?.as_deref() {
        Some("true") => Ok(Idle::always(
            vec![(HOURS, &prices::API_CACHE)],
            "its cache, by the hour",
        )),
        _ => Ok(Idle::nothing(USE)),
    }
}

fn table(template: &Template, resource: &Resource<'_>) -> Result<Idle, Error> {
    match template.text(resource, &["BillingMode"])?.as_deref() {
        Some("PAY_PER_REQUEST") => Ok(holds(&[&prices::DYNAMODB_STORAGE, &prices::DYNAMODB_PITR])),
        _ => Ok(Idle::always(Vec::new(), "provisioned capacity, by the hour")),
    }
}

fn alarm(template: &Template, resource: &Resource<'_>) -> Result<Idle, Error> {
    let period = template.number(resource, &["Period"])?.unwrap_or(60.0);
    let price = if period < 60.0 {
        &prices::FAST_ALARM
    } else {
        &prices::ALARM
    };
    let metrics = template.entries(resource, &["Metrics"])?;
    let watched = metrics.iter().filter(|entry| entry.get("MetricStat").is_some()).count();
    Ok(Idle::parts(
        vec![(count(watched.max(1)), price)],
        "by the month and metric",
    ))
}

fn web_acl(template: &Template, resource: &Resource<'_>) -> Result<Idle, Error> {
    let rules = count(template.entries(resource, &["Rules"])?.len());
    let parts = vec![(1.0, &prices::WAF_ACL), (rules, &prices::WAF_RULE)];
    Ok(Idle::always(parts, "by the month, and each rule"))
}

/// A classic collection keeps half an OCU for indexing and half for searching, each twice.
/// <https://aws.amazon.com/blogs/big-data/amazon-opensearch-serverless-cost-effective-search-capabilities-at-any-scale>
fn classic() -> Idle {
    Idle::always(
        vec![(2.0 * HOURS, &prices::SEARCH_OCU)],
        "classic: at least 2 OCU, by the hour",
    )
}

fn collection(template: &Template, resource: &Resource<'_>) -> Result<Idle, Error> {
    match template.property(resource, &["CollectionGroupName"])? {
        Some(_) => Ok(holds(&[&prices::SEARCH_SERVERLESS_STORAGE])),
        None => Ok(classic()),
    }
}

/// The next generation goes down to its group's minimum, which is 0 unless it is stated, after ten idle minutes.
/// <https://docs.aws.amazon.com/opensearch-service/latest/developerguide/serverless-scale-to-zero.html>
fn group(template: &Template, resource: &Resource<'_>) -> Result<Idle, Error> {
    if template.text(resource, &["Generation"])?.as_deref() != Some("NEXTGEN") {
        return Ok(classic());
    }
    let mut least = 0.0;
    for name in ["MinIndexingCapacityInOcu", "MinSearchCapacityInOcu"] {
        least += template
            .number(resource, &["CapacityLimits", name])?
            .unwrap_or_default();
    }
    Ok(match least {
        0.0 => Idle::nothing("nothing after ten idle minutes"),
        _ => Idle::always(vec![(least * HOURS, &prices::SEARCH_OCU)], "its minimum, by the hour"),
    })
}

fn domain(template: &Template, resource: &Resource<'_>) -> Result<Idle, Error> {
    let number = |path: &[&str], default| Ok::<_, Error>(template.number(resource, path)?.unwrap_or(default));
    let instances = number(&["ClusterConfig", "InstanceCount"], 1.0)?;
    let disk = number(&["EBSOptions", "VolumeSize"], 0.0)?;
    let size = template.text(resource, &["ClusterConfig", "InstanceType"])?;
    let masters = template.text(resource, &["ClusterConfig", "DedicatedMasterEnabled"])?;
    let price = match size.as_deref() {
        Some("t3.small.search") => &prices::SEARCH_SMALL,
        Some("t3.medium.search") => &prices::SEARCH_MEDIUM,
        _ => return Ok(Idle::always(Vec::new(), "by the hour, by its instances")),
    };
    if masters.as_deref() == Some("true") {
        return Ok(Idle::always(Vec::new(), "by the hour, by its instances"));
    }
    let parts = vec![(instances * HOURS, price), (instances * disk, &prices::SEARCH_GP3)];
    Ok(Idle::always(parts, "its instances by the hour, and its disk"))
}

fn endpoint(template: &Template, resource: &Resource<'_>) -> Result<Idle, Error> {
    if template.text(resource, &["VpcEndpointType"])?.as_deref() != Some("Interface") {
        return Ok(Idle::nothing("gateway endpoints are free"));
    }
    let zones = count(template.entries(resource, &["SubnetIds"])?.len().max(1));
    let parts = vec![(zones * HOURS, &prices::INTERFACE_ENDPOINT)];
    Ok(Idle::always(parts, "by the hour and zone"))
}

fn stream(template: &Template, resource: &Resource<'_>) -> Result<Idle, Error> {
    let parts = match template.number(resource, &["ShardCount"])? {
        Some(shards) => vec![(shards * HOURS, &prices::KINESIS_SHARD)],
        None => vec![(HOURS, &prices::KINESIS_STREAM)],
    };
    Ok(Idle::always(parts, "by the hour"))
}

#[expect(clippy::cast_precision_loss, reason = "entries of a list in a template")]
fn count(entries: usize) -> f64 {
    entries as f64
}
