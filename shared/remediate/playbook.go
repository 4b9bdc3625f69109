package remediate

import "cce-oncall/shared/incident"

// move names one way out in the playbook.
type move string

// The moves. Each is worked out by a function that says no where it does not fit.
const (
	scale       move = "scale out"
	raiseHPA    move = "raise the autoscaler's ceiling"
	raiseCPU    move = "raise CPU"
	raiseMemory move = "raise memory"
	lowerCPU    move = "lower the CPU request"
	lowerMemory move = "lower the memory request"
	addNodes    move = "add nodes"
)

// moves are the functions behind the names.
var moves = map[move]func(*bench) (incident.Solution, bool){
	scale:       offerScaleOut,
	raiseHPA:    offerRaiseHPA,
	raiseCPU:    offerRaiseCPU,
	raiseMemory: offerRaiseMemory,
	lowerCPU:    offerLowerCPU,
	lowerMemory: offerLowerMemory,
	addNodes:    offerAddNodes,
}

// playbook is which moves answer a reason, best first. A reason that is not in it is a person's work: it gets Manual only.
var playbook = map[incident.Reason][]move{
	incident.ContainerCpuSaturated: {scale, raiseCPU},
	incident.InsufficientCPU:       {addNodes, lowerCPU, raiseHPA},
	incident.InsufficientMemory:    {addNodes, lowerMemory, raiseHPA},
}
