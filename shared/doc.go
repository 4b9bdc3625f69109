// Package shared is the map of the rooms; house_test.go in this folder is the law of the house.
//
//	alarm          PURE  what an AOM alarm is, in all its forms, and which alarms are one trouble
//	incident       PURE  the vocabulary and the law: findings, solutions, digests, decisions, status
//	redact         PURE  what may never leave: every way out passes through it
//	observe              what can be known now: Builder → Snapshot; a source that fails is a gap
//	diagnose       PURE  what it means: diagnosers are values over a Snapshot; causes and effects; verification
//	remediate            what is done about it: playbook, prediction, actions, the runner
//	record               what is kept: key layout, folding the parts of an incident, the chain
//	kube                 how to reach a cluster, and how to take turns in it
//	huaweicloud          one file per service of the cloud
//	lark                 cards, verified callbacks, typed commands
//	functiongraph        run as a function, decode triggers, invoke another function
//	config               every knob in one struct, read once
//
// functions/* are flows: one folder, one binary, one zip. They may use every room and never each other.
package shared
