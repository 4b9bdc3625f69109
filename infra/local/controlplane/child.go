package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// A child is one component of the cluster in a process of its own, so that one
// of them may fail, be measured or be looked at without the others.
type child struct {
	name string
	log  string
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
	err  error         // how; to be read after done
}

func startChild(dir, name string, args []string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	c := &child{name: name, log: filepath.Join(dir, name+".log"), done: make(chan struct{})}
	file, err := os.Create(c.log)
	if err != nil {
		return nil, fmt.Errorf("open the log of %s: %w", name, err)
	}
	c.cmd = exec.Command(self, append([]string{name}, args...)...)
	c.cmd.Dir = dir
	c.cmd.Stdout, c.cmd.Stderr = file, file
	// Neither a killed parent nor a ^C at the terminal may decide when a component
	// ends: the first must leave nobody behind, the second is ours to pass on.
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	err = c.cmd.Start()
	_ = file.Close() // the child has its own
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		c.err = c.cmd.Wait()
		close(c.done)
	}()
	return c, nil
}

// stopChildren asks all of them to end and kills who has not after the grace.
func stopChildren(children []*child, grace time.Duration) {
	for _, c := range children {
		_ = c.cmd.Process.Signal(syscall.SIGTERM)
	}
	late := time.After(grace)
	for _, c := range children {
		select {
		case <-c.done:
		case <-late:
			for _, c := range children {
				_ = c.cmd.Process.Kill()
			}
			<-c.done
		}
	}
}

// died describes a child that ended by itself, with its last words.
func (c *child) died() error {
	const enough = 3000
	text, err := os.ReadFile(c.log)
	if err != nil {
		text = []byte(err.Error())
	}
	if len(text) > enough {
		text = text[len(text)-enough:]
		if i := bytes.IndexByte(text, '\n'); i >= 0 {
			text = text[i+1:]
		}
	}
	return &deathError{name: c.name, err: c.err, tail: string(text)}
}

type deathError struct {
	name string
	err  error
	tail string
}

func (e *deathError) Error() string {
	return fmt.Sprintf("%s ended (%v); the end of its log:\n%s", e.name, e.err, e.tail)
}

func (e *deathError) Unwrap() error { return e.err }
