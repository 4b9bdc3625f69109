package diagnose

import (
	"regexp"
	"strconv"
	"strings"

	"cce-oncall/shared/incident"
)

// obstacle is one part of a scheduler message: how many nodes it keeps out, and by which rule.
type obstacle struct {
	nodes  int
	reason incident.Reason
	text   string
}

// obstacleWords read the scheduler's sentences; the first that fits decides.
var obstacleWords = []struct {
	re     *regexp.Regexp
	reason incident.Reason
}{
	{regexp.MustCompile(`Insufficient cpu`), incident.InsufficientCPU},
	{regexp.MustCompile(`Insufficient memory`), incident.InsufficientMemory},
	{regexp.MustCompile(`Insufficient ephemeral-storage`), incident.InsufficientEphemeralStorage},
	{regexp.MustCompile(`Insufficient \S*(gpu|npu|ascend|accelerator)\S*`), incident.InsufficientGPU},
	{regexp.MustCompile(`Too many pods`), incident.TooManyPodsOnNode},
	{regexp.MustCompile(`(untolerated taint|had taint)`), incident.UntoleratedTaint},
	{regexp.MustCompile(`were unschedulable`), incident.NodeCordoned},
	{regexp.MustCompile(`didn't match Pod's node affinity|didn't match node selector|node\(s\) didn't match Pod's node affinity/selector`), incident.NodeSelectorMismatch},
	{regexp.MustCompile(`anti-affinity rules|didn't match pod affinity rules|didn't satisfy existing pods anti-affinity`), incident.PodAntiAffinityConflict},
	{regexp.MustCompile(`topology spread constraints`), incident.TopologySpreadUnsatisfied},
	{regexp.MustCompile(`volume node affinity conflict|no available volume zone`), incident.VolumeNodeAffinityConflict},
	{regexp.MustCompile(`unbound immediate PersistentVolumeClaims|didn't find available persistent volumes to bind`), incident.UnboundImmediatePVC},
	{regexp.MustCompile(`persistentvolumeclaim "[^"]+" not found`), incident.ClaimMissing},
	{regexp.MustCompile(`driver not found|CSINode|did not have enough free storage`), incident.CSIDriverMissingOnNode},
	{regexp.MustCompile(`max volume count`), incident.MaxVolumeCountReached},
	{regexp.MustCompile(`free ports for the requested pod ports`), incident.HostPortConflict},
	{regexp.MustCompile(`NodeNotSupportsContainer`), incident.NodeNotSupportsContainer},
	{regexp.MustCompile(`no nodes available|0/0 nodes`), incident.NoNodesAvailable},
}

var leadingCount = regexp.MustCompile(`^(\d+)\s+`)

// obstaclesIn takes "0/5 nodes are available: 2 Insufficient cpu, 3 node(s) had untolerated taint {a: b}. preemption: …" apart. The
// part about preemption repeats the counts and says nothing new.
func obstaclesIn(message string) []obstacle {
	if i := strings.Index(message, "preemption:"); i >= 0 {
		message = message[:i]
	}
	if strings.Contains(message, "no nodes available") || strings.HasPrefix(message, "0/0 nodes") {
		return []obstacle{{0, incident.NoNodesAvailable, strings.TrimSpace(message)}}
	}
	_, list, found := strings.Cut(message, "nodes are available:")
	if !found {
		list = message
	}
	var out []obstacle
	for _, part := range splitOutsideBraces(list) {
		part = strings.TrimSuffix(strings.TrimSpace(part), ".")
		n := 0
		if m := leadingCount.FindStringSubmatch(part); m != nil {
			n, _ = strconv.Atoi(m[1]) // digits; too many to fit mean nothing here
		}
		for _, w := range obstacleWords {
			if w.re.MatchString(part) {
				out = append(out, obstacle{n, w.reason, part})
				break
			}
		}
	}
	return out
}

// splitOutsideBraces splits at commas, but not inside {key: a, b}.
func splitOutsideBraces(s string) []string {
	var out []string
	depth, from := 0, 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '{':
			depth++
		case '}':
			depth--
		case ',':
			if depth <= 0 {
				out = append(out, s[from:i])
				from = i + 1
			}
		}
	}
	return append(out, s[from:])
}
