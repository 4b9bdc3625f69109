package machine

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// stopLimit is how long a program may take to end by itself.
const stopLimit = 10 * time.Second

// program is a child process that says with one line of JSON that it is ready.
type program struct {
	name string
	cmd  *exec.Cmd
	gone chan struct{} // closed when it has ended
	err  error         // how it ended; readable after gone
}

// locate builds one of this folder's programs unless it has been built before, and returns its path.
func locate(ctx context.Context, root, name string, progress io.Writer) (string, error) {
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, filepath.Join(root, "infra", "local", "build.sh"), name)
	cmd.Stdout, cmd.Stderr = &out, progress
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("build %s: %w", name, err)
	}
	return strings.TrimSpace(out.String()), nil
}

// launch starts a program, with what it writes to standard error in a file of its own, and reads its ready line into ready.
func launch(ctx context.Context, name, binary, logFile string, args []string, ready any) (*program, error) {
	log, err := os.Create(logFile)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	p := &program{name: name, cmd: exec.Command(binary, args...), gone: make(chan struct{})}
	// Nothing may outlive us, however we end: the kernel ties that to the thread that started the child, so wait keeps its thread.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setpgid: true}
	p.cmd.Stderr = log
	p.cmd.WaitDelay = time.Second
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	started := make(chan error, 1)
	line := make(chan []byte, 1)
	go func() {
		runtime.LockOSThread()
		defer log.Close()
		err := p.cmd.Start()
		started <- err
		if err != nil {
			return
		}
		reader := bufio.NewReader(out)
		if first, err := reader.ReadBytes('\n'); err == nil {
			line <- first
		}
		_, _ = io.Copy(io.Discard, reader) // it has nothing more to say
		p.err = p.cmd.Wait()
		close(p.gone)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	select {
	case first := <-line:
		if err := json.Unmarshal(first, ready); err != nil {
			p.stop()
			return nil, fmt.Errorf("start %s: the ready line: %w", name, err)
		}
		return p, nil
	case <-p.gone:
		return nil, fmt.Errorf("start %s: it ended at once (%w):\n%s", name, p.err, tail(logFile))
	case <-ctx.Done():
		p.stop()
		return nil, fmt.Errorf("start %s: %w:\n%s", name, ctx.Err(), tail(logFile))
	}
}

// stop asks the program to end, and makes it end if it does not.
func (p *program) stop() {
	if p == nil {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // already gone is as good
	select {
	case <-p.gone:
	case <-time.After(stopLimit):
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		<-p.gone
	}
}

// tail is the end of a log, for an error that must explain itself.
func tail(file string) string {
	raw, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	return string(raw[max(0, len(raw)-2000):])
}
