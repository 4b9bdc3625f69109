// Package remediatetest is the crash matrix: it kills an execution at every call to the world and to the store, before and after
// the call takes effect, going forward and going back, resumes from what the store holds, and asks for the same end state with
// exactly one effect a step and a complete record. It also lets two executors race, and a late one come back.
//
// It is a room of its own, and no _test.go file, because two modules run it: remediate's own tests over a fake cluster in
// memory, and the nested module of the local control plane over a real API server. It knows no testing.T: it returns what is
// wrong, so that a test can also ask that a bad action is caught.
package remediatetest
