package functiongraph

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Spec is a function as its owner describes it.
type Spec struct {
	Name        string
	Package     string // the app group, default "default"
	Runtime     string // only Custom runs
	Handler     string
	Description string
	Zip         []byte
	CodeType    string // zip or obs, echoed
	CodeURL     string
	CodeFile    string

	Timeout      time.Duration
	MemoryMB     int
	MaxInstances int // -1: no limit of its own; 0: disabled

	UserData  map[string]string // visible in the console
	Encrypted map[string]string // encrypted_user_data: never read back
	Agency    string            // configuration agency (xrole)
	AppAgency string            // execution agency (app_xrole), whose credentials code receives; falls back to Agency

	LogGroup, LogStream string // LTS ids
	LogEnabled          bool
	Async               *AsyncConfig // nil: never configured

	// Extra holds settings that change nothing here but must be read back as they were written (VPC, DNS, initializer ...).
	Extra map[string]json.RawMessage
}

// AsyncConfig is the policy for asynchronous requests.
type AsyncConfig struct {
	MaxAge    time.Duration
	Retries   int // 0 to 3
	OnSuccess *Destination
	OnFailure *Destination
	StatusLog bool
}

// Destination receives the outcome of an asynchronous request.
type Destination struct {
	Kind  string // SMN, FunctionGraph; OBS and DIS are kept but not served
	Param string // JSON text
}

func (s *Spec) check() error {
	if s.Package == "" {
		s.Package = "default"
	}
	if s.Runtime == "" {
		s.Runtime = "Custom"
	}
	if s.Timeout <= 0 || s.MemoryMB <= 0 {
		return fmt.Errorf("%w: timeout and memory_size must be given", ErrSetting)
	}
	if s.MaxInstances < -1 || s.MaxInstances > 1000 {
		return fmt.Errorf("%w: max_instance_num must be within -1 and 1000", ErrSetting)
	}
	if n := len(s.userData()); n > MaxUserData {
		return fmt.Errorf("%w: FSS.1017 the environment variables have %d characters, more than %d", ErrSetting, n, MaxUserData)
	}
	return nil
}

// userData is what code sees as RUNTIME_USERDATA: both kinds of variables in one object.
func (s *Spec) userData() string {
	all := map[string]string{}
	for k, v := range s.UserData {
		all[k] = v
	}
	for k, v := range s.Encrypted {
		all[k] = v
	}
	raw, err := json.Marshal(all)
	if err != nil {
		return "{}"
	}
	return string(raw)
}

func (s *Spec) credentialAgency() string {
	if s.AppAgency != "" {
		return s.AppAgency
	}
	return s.Agency
}

// function is a Spec with its life; every field is guarded by the platform's mutex.
type function struct {
	spec       Spec
	code       code
	urn        string // without version
	created    time.Time
	changed    time.Time
	generation int
	deleted    bool
	instances  []*instance
	triggers   map[string]*Trigger
	tags       map[string]string
	logs       []LogLine
}

// takeIdle removes the idle instances from service, for their owner to kill.
func (f *function) takeIdle() []*instance {
	var idle []*instance
	f.instances = slices.DeleteFunc(f.instances, func(i *instance) bool {
		if i.run == nil && !i.starting {
			idle = append(idle, i)
			return true
		}
		return false
	})
	return idle
}

func (f *function) sortedTriggers() []*Trigger {
	out := make([]*Trigger, 0, len(f.triggers))
	for _, t := range f.triggers {
		out = append(out, t)
	}
	slices.SortFunc(out, func(a, b *Trigger) int { return strings.Compare(a.ID, b.ID) })
	return out
}

func (p *Platform) urn(s Spec) string {
	return fmt.Sprintf("urn:fss:%s:%s:function:%s:%s", p.opt.Region, p.opt.Project, s.Package, s.Name)
}

// URN returns the URN of a function, ending in :latest, or "" when there is none of that name.
func (p *Platform) URN(name string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if f := p.functions[name]; f != nil {
		return f.urn + ":latest"
	}
	return ""
}

// Functions returns the names of all functions, sorted.
func (p *Platform) Functions() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	names := make([]string, 0, len(p.functions))
	for n := range p.functions {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// find looks a function up by URN (without a version or with the only one, latest) or by bare name.
func (p *Platform) find(ref string) *function {
	if f := p.functions[ref]; f != nil {
		return f
	}
	for _, f := range p.functions {
		if ref == f.urn || ref == f.urn+":latest" {
			return f
		}
	}
	return nil
}
