//! Adding jobs.

use bullrs::{
    Error, JobOptions, NewJob,
    flow::{Flow, FlowNode, FlowTree},
};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use crate::{
    reply::{Reply, arguments, empty},
    session::Session,
};

#[derive(Deserialize)]
struct Add {
    queue: String,
}

/// A job as the step has it; data and options stay the texts that they are.
#[derive(Deserialize)]
struct Job {
    name: String,
    #[serde(default, deserialize_with = "crate::reply::given")]
    data: Option<Box<RawValue>>,
    opts: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Bulk {
    queue: String,
    jobs: Vec<Job>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Node {
    queue_name: String,
    name: String,
    #[serde(default, deserialize_with = "crate::reply::given")]
    data: Option<Box<RawValue>>,
    opts: Option<Box<RawValue>>,
    #[serde(default)]
    children: Vec<Node>,
}

#[derive(Deserialize)]
struct One {
    tree: Node,
}

#[derive(Deserialize)]
struct Many {
    trees: Vec<Node>,
}

pub(crate) async fn play(session: &Session, name: &str, line: &str) -> Reply {
    let played = match name {
        "add" => add(session, line).await,
        "addBulk" => add_bulk(session, line).await,
        "addFlow" => add_flow(session, line).await,
        "flow" => find_flow(session, line).await,
        _ => add_flows(session, line).await,
    };
    played.unwrap_or_else(|reply| reply)
}

async fn add(session: &Session, line: &str) -> Result<Reply, Reply> {
    let Add { queue } = arguments(line)?;
    let job: Job = arguments(line)?;
    let options = options(job.opts.as_deref())?;
    let queue = session.queue(&queue);
    let added = queue.add(&job.name, data(job.data)).options(options).await;
    Ok(added.map(|job| job.id().to_owned()).into())
}

async fn add_bulk(session: &Session, line: &str) -> Result<Reply, Reply> {
    let Bulk { queue, jobs } = arguments(line)?;
    let mut prepared = Vec::new();
    for job in jobs {
        let options = options(job.opts.as_deref())?;
        prepared.push(NewJob::new(job.name, data(job.data)).options(options));
    }
    let added = session.queue(&queue).add_all(prepared).await;
    Ok(added
        .map(|jobs| {
            let ids: Vec<String> = jobs.iter().map(|job| job.id().to_owned()).collect();
            json!(ids)
        })
        .into())
}

async fn add_flow(session: &Session, line: &str) -> Result<Reply, Reply> {
    let One { tree } = arguments(line)?;
    let added = session.client.flow(flow(tree)?).await;
    Ok(added.map(|tree| ids(&tree)).into())
}

async fn add_flows(session: &Session, line: &str) -> Result<Reply, Reply> {
    let Many { trees } = arguments(line)?;
    let flows = trees.into_iter().map(flow).collect::<Result<Vec<_>, _>>()?;
    let added = session.client.flows(flows).await;
    Ok(added
        .map(|trees| Value::Array(trees.iter().map(ids).collect()))
        .into())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Find {
    queue: String,
    id: String,
    depth: usize,
    max_children: u32,
}

async fn find_flow(session: &Session, line: &str) -> Result<Reply, Reply> {
    let Find {
        queue,
        id,
        depth,
        max_children,
    } = arguments(line)?;
    let find = session.client.flow_tree(&queue, &id);
    let found = find.depth(depth).max_children(max_children).await;
    Ok(found
        .map(|root| root.as_ref().map_or(Value::Null, found_ids))
        .into())
}

/// Children stand in no order, so they are told in that of their ids.
fn found_ids(node: &FlowNode) -> Value {
    let mut children: Vec<&FlowNode> = node.children.iter().collect();
    children.sort_by_key(|child| child.job.id().to_owned());
    let children: Vec<Value> = children.into_iter().map(found_ids).collect();
    json!({ "id": node.job.id(), "children": children })
}

fn flow(node: Node) -> Result<Flow, Reply> {
    let options = options(node.opts.as_deref())?;
    let children = node
        .children
        .into_iter()
        .map(flow)
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Flow::new(node.queue_name, node.name, data(node.data))
        .options(options)
        .children(children))
}

fn ids(tree: &FlowTree) -> Value {
    let children: Vec<Value> = tree.children.iter().map(ids).collect();
    json!({ "id": tree.job.id(), "children": children })
}

fn data(given: Option<Box<RawValue>>) -> Box<RawValue> {
    given.unwrap_or_else(empty)
}

/// Options as a Node app writes them.
pub(crate) fn options(given: Option<&RawValue>) -> Result<JobOptions, Reply> {
    match given {
        None => Ok(JobOptions::new()),
        Some(text) => JobOptions::from_json(text.get()).map_err(|error: Error| Reply::from(error)),
    }
}
