package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// newLogServer plays the one part of a kubelet that kwok leaves out: it answers
// the API server's requests for container logs, from files under dir. Like a
// kubelet it speaks only to a client certificate of the cluster's authority.
func newLogServer(dir string, ca *authority) (*http.Server, error) {
	cert, err := tls.LoadX509KeyPair(ca.crt("kubelet"), ca.pem("kubelet"))
	if err != nil {
		return nil, fmt.Errorf("load the log server's certificate: %w", err)
	}
	clients := x509.NewCertPool()
	clients.AddCert(ca.cert)
	return &http.Server{
		Handler:           logHandler(dir),
		ReadHeaderTimeout: 10 * time.Second,
		TLSConfig: &tls.Config{
			MinVersion:   tls.VersionTLS12,
			Certificates: []tls.Certificate{cert},
			ClientAuth:   tls.RequireAndVerifyClientCert,
			ClientCAs:    clients,
		},
	}, nil
}

func serveLogs(server *http.Server, listener net.Listener) error {
	if err := server.ServeTLS(listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve container logs: %w", err)
	}
	return nil
}

func logHandler(dir string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", func(w http.ResponseWriter, r *http.Request) {
		namespace, pod, container := r.PathValue("namespace"), r.PathValue("pod"), r.PathValue("container")
		query := r.URL.Query()
		previous, _ := strconv.ParseBool(query.Get("previous"))
		name := container + ".log"
		if previous {
			name = container + ".previous.log"
		}
		text, written, err := readLog(filepath.Join(dir, namespace), pod, name)
		switch {
		case errors.Is(err, fs.ErrNotExist) && previous:
			// The kubelet's words, which reach the client as they are.
			text := fmt.Sprintf("previous terminated container %q in pod %q not found", container, pod)
			http.Error(w, text, http.StatusBadRequest)
			return
		case errors.Is(err, fs.ErrNotExist):
			return // a container that has not written anything
		case err != nil:
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		if n, err := strconv.Atoi(query.Get("tailLines")); err == nil {
			text = tail(text, n)
		}
		if stamped, _ := strconv.ParseBool(query.Get("timestamps")); stamped {
			text = stamp(text, written)
		}
		if n, err := strconv.Atoi(query.Get("limitBytes")); err == nil && n < len(text) {
			text = text[:n]
		}
		w.Header().Set("Content-Type", "text/plain")
		_, _ = w.Write(text) // a client that hung up needs no answer
	})
	return mux
}

// readLog finds a log by the longest prefix of the pod's name that has one:
// the pods of a Deployment have random names, and a fixture that writes its logs
// beforehand knows only the name's beginning.
func readLog(dir, pod, name string) ([]byte, time.Time, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, time.Time{}, err
	}
	var found string
	var written time.Time
	for _, entry := range entries {
		prefix := entry.Name()
		if !strings.HasPrefix(pod, prefix) || len(prefix) < len(filepath.Base(filepath.Dir(found))) && found != "" {
			continue
		}
		file := filepath.Join(dir, prefix, name)
		if info, err := os.Stat(file); err == nil {
			found, written = file, info.ModTime()
		}
	}
	if found == "" {
		return nil, time.Time{}, fs.ErrNotExist
	}
	text, err := os.ReadFile(found)
	return text, written, err
}

// tail keeps the last n lines.
func tail(text []byte, n int) []byte {
	lines := bytes.SplitAfter(text, []byte("\n"))
	if last := len(lines) - 1; len(lines[last]) == 0 {
		lines = lines[:last]
	}
	if n < len(lines) {
		lines = lines[len(lines)-max(n, 0):]
	}
	return bytes.Join(lines, nil)
}

// stamp gives each line the time the file was written, for want of a better.
func stamp(text []byte, written time.Time) []byte {
	var out bytes.Buffer
	for line := range bytes.Lines(text) {
		fmt.Fprintf(&out, "%s %s", written.UTC().Format(time.RFC3339Nano), line)
	}
	return out.Bytes()
}
