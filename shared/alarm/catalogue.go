package alarm

import (
	"regexp"
	"strings"
	"unicode"
)

// Urgency is our own word for how soon somebody has to look. AOM's severity does not say it: a finished scale-out is Major there,
// a dead kubelet Minor.
type Urgency string

// The urgencies, most urgent first. What only informs is evidence on a timeline and never opens an incident.
const (
	Page   Urgency = "page"
	Ticket Urgency = "ticket"
	Inform Urgency = "info"
)

// Worse is the more urgent of two.
func (u Urgency) Worse(o Urgency) Urgency {
	rank := map[Urgency]int{Page: 3, Ticket: 2, Inform: 1}
	if rank[o] > rank[u] {
		return o
	}
	return u
}

// Class is the sort of trouble an alarm speaks of. It decides which alarms can be effects of which.
type Class string

// The classes.
const (
	Availability Class = "availability" // pods or replicas are not there, restart, or do not answer
	Starting     Class = "starting"     // containers do not start
	Image        Class = "image"
	Scheduling   Class = "scheduling"
	Creation     Class = "creation" // the API server refuses objects
	CPU          Class = "cpu"
	Memory       Class = "memory"
	Volume       Class = "volume"
	Network      Class = "network"
	Scaling      Class = "scaling" // HPA and its kin
	NodeDown     Class = "node-down"
	NodeMemory   Class = "node-memory"
	NodeDisk     Class = "node-disk"
	NodeCPU      Class = "node-cpu"
	NodeOther    Class = "node-other"
	Pool         Class = "pool" // nodes cannot be added or removed
	Plane        Class = "control-plane"
	Watchdog     Class = "watchdog" // an alarm that fires to show that alarms work
)

// Entry is what is known of an alarm or event by its name.
type Entry struct {
	Name    string   // canonical: the English event name, or our name for a metric rule
	Title   string   // what it means, in English
	TitleZH string   // and in Chinese
	Aliases []string // other names it goes by: rule names in both languages, raw Kubernetes reasons, exporters' names
	Kind    string   // Kubernetes kind it speaks of, or Cluster, NodePool; an alarm that names a kind itself is believed
	Urgency Urgency
	Class   Class
	Reasons []string // candidate causes in the order they are worth checking: names of incident.Reason
	Change  bool     // it reports a change of the cluster, worth a line on the timeline
}

// Lookup finds the entry of an alarm by any of its names: bilingual, Chinese only, as a rule of CCE's Alarm Center
// (CCE_{name}_{cluster id}), or by an alias. Case, spaces and punctuation do not matter.
func Lookup(name string) (Entry, bool) {
	for _, candidate := range namesIn(name) {
		if i, ok := byName[nameKey(candidate)]; ok {
			return catalogue[i], true
		}
	}
	return Entry{}, false
}

// Catalogue is every entry, in the order of the table.
func Catalogue() []Entry { return append([]Entry(nil), catalogue...) }

// Entry is what the catalogue knows of an alarm: by its name, else its rule, its metric, or the problem type of the node problem
// detector.
func (a Alarm) Entry() (Entry, bool) {
	for _, name := range []string{a.Name, a.TitleZH, a.Labels["event_name"], a.Labels["alertname"], a.Rule.Name, a.Labels["metricName"]} {
		if name == "" {
			continue
		}
		if e, ok := Lookup(name); ok {
			return e, true
		}
	}
	if strings.Contains(a.Rule.PromQL, "problem_gauge") || a.Labels["__name__"] == "problem_gauge" {
		return Lookup(a.Labels["type"])
	}
	return Entry{}, false
}

// Urgency is how soon somebody has to look at an alarm: the catalogue's word where it knows the name. What it does not know is
// worth a look, and an immediate one if AOM calls it critical.
func (a Alarm) Urgency() Urgency {
	if e, ok := a.Entry(); ok {
		return e.Urgency
	}
	if a.Severity == Critical {
		return Page
	}
	return Ticket
}

var clusterSuffix = regexp.MustCompile(`(?i)_[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$`)

// namesIn are the names that a text may be known by, the likeliest first.
func namesIn(name string) []string {
	var out []string
	halves := []string{name}
	if a, b, found := strings.Cut(name, bilingualMark); found {
		halves = []string{strings.TrimLeft(b, "#"), a}
	}
	for _, h := range halves {
		h = strings.TrimSpace(h)
		out = append(out, h)
		if plain, was := strings.CutPrefix(h, "CCE_"); was {
			plain = clusterSuffix.ReplaceAllString(plain, "")
			out = append(out, plain)
			if i := strings.LastIndexByte(plain, '_'); i > 0 { // a cluster id that is no UUID
				out = append(out, plain[:i])
			}
		}
	}
	return out
}

// nameKey leaves letters and digits, in lower case.
func nameKey(s string) string {
	if len(s) > maxName {
		s = s[:maxName]
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
}

// byName finds an entry by each name that belongs to one entry alone. Titles are names too, since some sources send nothing else;
// one that two entries share belongs to neither.
var byName = func() map[string]int {
	out := map[string]int{}
	for i, e := range catalogue {
		for _, n := range append([]string{e.Name}, e.Aliases...) {
			out[nameKey(n)] = i
		}
	}
	titles := map[string][]int{}
	for i, e := range catalogue {
		titles[nameKey(e.TitleZH)] = append(titles[nameKey(e.TitleZH)], i)
		titles[nameKey(e.Title)] = append(titles[nameKey(e.Title)], i)
	}
	for t, owners := range titles {
		if _, taken := out[t]; !taken && len(owners) == 1 && t != "" {
			out[t] = owners[0]
		}
	}
	return out
}()

var catalogue = func() []Entry {
	var out []Entry
	for _, table := range [][]row{metricRows, podRows, controllerRows, nodeRows, storageRows, scalingRows, planeRows, watchdogRows} {
		for _, r := range table {
			out = append(out, r.entry())
		}
	}
	return out
}()

// row is a line of the tables below. Aliases are separated by "|", reasons by spaces; "@name" stands for a group of reasons.
type row struct {
	name    string
	kind    string
	urgency Urgency
	class   Class
	zh, en  string
	reasons string
	aliases string
}

func (r row) entry() Entry {
	e := Entry{Name: r.name, Kind: r.kind, Urgency: r.urgency, Class: r.class, TitleZH: r.zh, Title: r.en, Change: r.urgency == Inform && r.class != Watchdog}
	for _, a := range strings.Split(r.aliases, "|") {
		if a != "" {
			e.Aliases = append(e.Aliases, a)
		}
	}
	for _, f := range strings.Fields(r.reasons) {
		if group, is := strings.CutPrefix(f, "@"); is {
			e.Reasons = append(e.Reasons, strings.Fields(reasonGroups[group])...)
			continue
		}
		e.Reasons = append(e.Reasons, f)
	}
	return e
}

var reasonGroups = map[string]string{
	"scheduling": "InsufficientCPU InsufficientMemory CPURequestExceedsAnyNode MemoryRequestExceedsAnyNode InsufficientEphemeralStorage " +
		"InsufficientGPU TooManyPodsOnNode NoNodesAvailable NodeSelectorMismatch NodeAffinityMismatch PodAntiAffinityConflict " +
		"TopologySpreadUnsatisfied UntoleratedTaint NodeCordoned AllNodesBlocked NodeNotSupportsContainer VolumeNodeAffinityConflict " +
		"UnboundImmediatePVC CSIDriverMissingOnNode MaxVolumeCountReached HostPortConflict SchedulerUnknown SchedulerDown",
	"image": "ImageNotFound ImageTagNotFound InvalidImageName ImageAuthDenied ImagePullSecretMissing RegistryDNSFailure RegistryNetworkTimeout " +
		"RegistryNoEgress RegistryTLSUntrusted RegistryRateLimited RegistryServerError ImageTooLarge ImageDiskFull ImageArchMismatch " +
		"ImageLayerMissing PauseImageMissing",
	"creation": "ResourceQuotaExceeded NamespacePodQuotaExceeded NamespaceCPUQuotaExceeded NamespaceMemoryQuotaExceeded QuotaRequiresRequestsLimits " +
		"LimitRangeViolation AdmissionWebhookDenied AdmissionWebhookUnavailable PodSecurityViolation ServiceAccountMissing PriorityClassMissing",
	"probes": "LivenessProbeFailed LivenessProbeWrongPort LivenessProbeWrongProtocol LivenessProbeTooImpatient ReadinessProbeFailed " +
		"ReadinessProbeWrongPort ReadinessProbeWrongProtocol ReadinessProbeTooImpatient StartupProbeFailed StartupProbeWrongPort " +
		"StartupProbeWrongProtocol StartupProbeTooImpatient ProbeFlaky",
	"start": "ContainerCommandNotFound ContainerPermissionDenied ConfigMapMissing SecretMissing KeyMissing SecretValueInvalid CreateContainerError " +
		"RunAsNonRootViolation PostStartHookFailed",
	"crash": "AppExitError NoForegroundProcess ContainerOOMKilled LivenessProbeFailed InitContainerFailed PortAlreadyInUse SegfaultOrAbort " +
		"DatabaseAddressInvalid DatabaseCredentialsInvalid AppDependencyFailure",
	"nodelost": "NodeControlPlaneDisconnected NodeEcsStopped NodeEcsDeleted NodeEcsFaulty KubeletDown ContainerRuntimeDown CNIDown KubeletPLEGUnhealthy " +
		"NodeSecurityGroupChanged NodeOverloaded DataDiskDetached NodeAzOutage",
}
