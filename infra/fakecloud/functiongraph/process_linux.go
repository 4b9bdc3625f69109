package functiongraph

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
)

// spawner starts processes from one locked thread: the kernel ties "die with your parent" to the thread that started a child, so a
// thread that Go retires would take the functions with it.
type spawner struct {
	requests chan spawnRequest
}

type spawnRequest struct {
	cmd *exec.Cmd
	err chan error
}

func newSpawner() *spawner {
	s := &spawner{requests: make(chan spawnRequest)}
	go func() {
		runtime.LockOSThread()
		for r := range s.requests {
			r.err <- r.cmd.Start()
		}
	}()
	return s
}

func (s *spawner) start(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	r := spawnRequest{cmd: cmd, err: make(chan error)}
	s.requests <- r
	return <-r.err
}

func (s *spawner) close() { close(s.requests) }

// killGroup ends a process with its children, as the platform ends a container: without a warning.
func killGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) } // already gone is as good

// memory reads the resident set and its peak, in bytes; zeros when the process is gone.
func memory(pid int) (rss, peak int64) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0
	}
	for line := range bytes.Lines(raw) {
		fields := bytes.Fields(line)
		if len(fields) < 2 {
			continue
		}
		kb, err := strconv.ParseInt(string(fields[1]), 10, 64)
		if err != nil {
			continue
		}
		switch string(fields[0]) {
		case "VmRSS:":
			rss = kb << 10
		case "VmHWM:":
			peak = kb << 10
		}
	}
	return rss, peak
}

// resetPeak makes the next peak belong to the next run. Where the kernel refuses, the peak stays that of the process.
func resetPeak(pid int) {
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0)
}
