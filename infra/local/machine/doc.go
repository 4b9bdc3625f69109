// Package machine makes one machine the whole cloud: a real Kubernetes control plane with nodes that are played, a real PromQL engine,
// a real S3 server, the emulated Huawei Cloud and Lark in front of them, and in the middle the five functions as the zips that are
// deployed, run by the emulated platform as processes.
//
// It exists because the promises of the agent are about the whole: that nothing happens without consent, twice, or unseen. They can
// only be shown where a real API server refuses, a real scheduler leaves a pod Pending, a real engine evaluates the alarm rule, and
// processes really die.
//
// What always holds: the functions know of none of it. They have the variables, credentials and addresses that Terraform would give
// them and nothing else; whatever a scenario does, it does to the world around them.
package machine
