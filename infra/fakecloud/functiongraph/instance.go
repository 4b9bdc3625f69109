package functiongraph

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// ending is why an instance's process ended.
type ending string

const (
	endExited   ending = "exited"   // by itself
	endIdle     ending = "idle"     // released after idling
	endReplaced ending = "replaced" // its function was changed, deleted, or the platform closed
	endTimeout  ending = "timeout"
	endMemory   ending = "memory"
	endInjected ending = "injected" // killed on a test's order
)

// instance is one process of a function with its own runtime API.
type instance struct {
	p          *Platform
	f          *function
	generation int
	limit      int64 // bytes
	listener   net.Listener
	server     *http.Server
	started    time.Time
	next       chan *run     // the run that the process may fetch
	gone       chan struct{} // closed when the process has been reaped

	// Guarded by the platform's mutex.
	starting bool // not yet polled
	run      *run
	last     string // id of the run before, whose output may still be on its way
	idle     *time.Timer
	served   int

	mu  sync.Mutex
	cmd *exec.Cmd
	end ending
}

// launch starts a process for f. The caller has already reserved the place in f.instances.
func (p *Platform) launch(i *instance, spec Spec, c code) error {
	bootstrap := filepath.Join(c.root, "bootstrap")
	info, err := os.Stat(bootstrap)
	if errors.Is(err, fs.ErrNotExist) {
		return errors.New("runtime bootstrap file is not found")
	}
	if err != nil {
		return fmt.Errorf("look at the bootstrap: %w", err)
	}
	if info.Mode()&0o111 == 0 {
		return errors.New("runtime bootstrap file is not executable")
	}
	i.listener, err = net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("open the runtime API: %w", err)
	}
	i.server = &http.Server{Handler: i.runtimeAPI(), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = i.server.Serve(i.listener) }() // ends with ErrServerClosed when the instance does

	cmd, out, errOut, err := i.start(bootstrap, spec, c)
	if err != nil {
		_ = i.server.Close() // nothing was served yet
		return err
	}
	i.mu.Lock()
	i.cmd = cmd
	doomed := i.end != ""
	i.mu.Unlock()
	if doomed { // killed while it was being started
		killGroup(cmd.Process.Pid)
	}
	var pipes sync.WaitGroup
	pipes.Go(func() { i.capture("stdout", out) })
	pipes.Go(func() { i.capture("stderr", errOut) })
	go i.reap(&pipes)
	go i.watchMemory()
	return nil
}

func (i *instance) start(bootstrap string, spec Spec, c code) (cmd *exec.Cmd, out, errOut io.ReadCloser, err error) {
	// A fork elsewhere in this process may still hold the freshly written bootstrap open for writing (ETXTBSY): try again.
	for attempt := 0; ; attempt++ {
		cmd = exec.Command(bootstrap)
		cmd.Dir = filepath.Dir(c.root)
		cmd.Env = slices.Concat(i.environment(spec, c), i.p.opt.ExtraEnv)
		cmd.WaitDelay = time.Second
		if out, err = cmd.StdoutPipe(); err != nil {
			return nil, nil, nil, fmt.Errorf("open standard output: %w", err)
		}
		if errOut, err = cmd.StderrPipe(); err != nil {
			return nil, nil, nil, fmt.Errorf("open standard error: %w", err)
		}
		i.started = i.p.watch()
		err = i.p.spawner.start(cmd)
		if err == nil {
			return cmd, out, errOut, nil
		}
		_, _ = out.Close(), errOut.Close()
		if !errors.Is(err, syscall.ETXTBSY) || attempt == 50 {
			return nil, nil, nil, fmt.Errorf("start the bootstrap: %w", err)
		}
		i.p.pause(10 * time.Millisecond)
	}
}

// environment is what a custom runtime sees (table 2 of the custom runtime page); nothing of the host's own environment.
func (i *instance) environment(spec Spec, c code) []string {
	return []string{
		"PATH=/usr/local/bin:/usr/bin:/bin",
		"HOME=/home/snuser",
		"RUNTIME_PROJECT_ID=" + i.p.opt.Project,
		"RUNTIME_FUNC_NAME=" + spec.Name,
		"RUNTIME_FUNC_VERSION=latest",
		"RUNTIME_PACKAGE=" + spec.Package,
		"RUNTIME_HANDLER=" + spec.Handler,
		"RUNTIME_TIMEOUT=" + strconv.Itoa(int((spec.Timeout+time.Second-1)/time.Second)),
		"RUNTIME_USERDATA=" + spec.userData(),
		"RUNTIME_CPU=" + strconv.Itoa(spec.MemoryMB*100/128+200),
		"RUNTIME_MEMORY=" + strconv.Itoa(spec.MemoryMB),
		"RUNTIME_MAX_RESP_BODY_SIZE=" + strconv.Itoa(MaxSyncPayload),
		"RUNTIME_CODE_ROOT=" + c.root,
		"RUNTIME_API_ADDR=" + i.listener.Addr().String(),
	}
}

// kill ends the process for a reason; the first reason stands.
func (i *instance) kill(why ending) {
	i.mu.Lock()
	if i.end == "" {
		i.end = why
	}
	i.mu.Unlock()
	if pid := i.pid(); pid != 0 {
		killGroup(pid)
	}
}

// pid is 0 before the process was started.
func (i *instance) pid() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.cmd == nil {
		return 0
	}
	return i.cmd.Process.Pid
}

func (i *instance) why() ending {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.end == "" {
		return endExited
	}
	return i.end
}

// reap waits for the process and takes the instance out of service.
func (i *instance) reap(pipes *sync.WaitGroup) {
	pipes.Wait()
	_ = i.cmd.Wait() // the exit status says less than why()
	killGroup(i.cmd.Process.Pid)
	_ = i.server.Close() // open polls are of a dead process
	p := i.p
	p.mu.Lock()
	i.f.instances = slices.DeleteFunc(i.f.instances, func(o *instance) bool { return o == i })
	if i.idle != nil {
		i.idle.Stop()
	}
	p.mu.Unlock()
	close(i.gone)
	p.capacity()
}

// watchMemory kills a process that outgrows its function's memory, and notes the peak of the run in flight.
func (i *instance) watchMemory() {
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-i.gone:
			return
		case <-tick.C:
			if i.sample() {
				i.kill(endMemory)
				return
			}
		}
	}
}

// sample reports whether the limit is exceeded.
func (i *instance) sample() bool {
	rss, peak := memory(i.pid())
	i.p.mu.Lock()
	defer i.p.mu.Unlock()
	if i.run != nil {
		i.run.peak = max(i.run.peak, rss, peak)
	}
	return i.limit > 0 && rss > i.limit
}

// runtimeAPI is the custom runtime's HTTP API: fetch, answer, fail.
func (i *instance) runtimeAPI() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/runtime/invocation/request", i.serveNext)
	mux.HandleFunc("POST /v1/runtime/invocation/response/{id}", func(w http.ResponseWriter, r *http.Request) { i.serveDone(w, r, false) })
	mux.HandleFunc("POST /v1/runtime/invocation/error/{id}", func(w http.ResponseWriter, r *http.Request) { i.serveDone(w, r, true) })
	return mux
}

func (i *instance) serveNext(w http.ResponseWriter, r *http.Request) {
	i.p.mu.Lock()
	i.starting = false
	i.p.mu.Unlock()
	var run *run
	select {
	case run = <-i.next:
	case <-r.Context().Done():
		return
	case <-i.gone:
		return
	}
	if r.Context().Err() != nil {
		i.next <- run // the poll ended before it took the event: the next poll gets it
		return
	}
	for k, v := range run.headers {
		w.Header()[k] = []string{v} // as spelled: the platform mixes X-Cff and X-CFF
	}
	w.Header().Set("X-Cff-Request-Id", run.id)
	w.Header().Set("X-CFF-Invoke-Type", run.kind())
	w.Header().Set("Content-Type", "application/json")
	i.p.delivered(i, run)
	_, _ = w.Write(run.payload) // a broken poll means a dying process, which reap sees
}

func (i *instance) serveDone(w http.ResponseWriter, r *http.Request, failed bool) {
	body, err := io.ReadAll(io.LimitReader(r.Body, MaxSyncPayload+101))
	if err != nil {
		http.Error(w, "the body could not be read", http.StatusBadRequest)
		return
	}
	id := r.PathValue("id")
	i.p.mu.Lock()
	run := i.run
	if run == nil || run.id != id {
		i.p.mu.Unlock()
		http.Error(w, "no such request", http.StatusNotFound)
		return
	}
	i.p.mu.Unlock()
	if i.p.killAtResponse(i, run) {
		return
	}
	i.sample()
	switch {
	case failed:
		run.finish(outcome{code: "FSS.0500", status: StatusFail, body: body, why: "the function reported an error"})
	case len(body) > MaxSyncPayload+100:
		run.finish(outcome{code: "FSS.0413", status: StatusFail, why: "the response is larger than 6 MB"})
	default:
		run.finish(outcome{status: StatusSuccess, body: body})
	}
	w.WriteHeader(http.StatusOK)
}
