// Command objectstore is an S3 server for one machine, in the place of OBS.
//
// It is versitygw, a real S3 gateway, over a folder: it checks signatures, keeps
// versions in the right order and answers as S3 does. What it cannot show is
// where OBS differs from S3 (no conditional PUT, virtual hosts only); that is
// the business of the tests of the adapter.
//
//	objectstore --dir DIR --access-key AK --secret-key SK [--region R] [--domain D]
//
// The line {"url":"http://127.0.0.1:PORT"} on stdout says that it listens; it
// runs until SIGTERM. Buckets are made by the S3 API, which also switches their
// versioning on (PutBucketVersioning). Objects can be looked at as files in
// DIR/buckets, older versions in DIR/versions; both stay there for the next run.
// With --domain example.test a bucket is also found as
// http://BUCKET.example.test:PORT, the only way OBS knows.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/versity/versitygw/backend"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"
)

const (
	healthPath = "/healthz"
	portTries  = 3
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	// The gateway prints remarks of its own, but our stdout is for programs.
	stdout := os.Stdout
	os.Stdout = os.Stderr
	if err := run(ctx, os.Args[1:], stdout); err != nil {
		fmt.Fprintln(os.Stderr, "objectstore:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("objectstore", flag.ContinueOnError)
	dir := flags.String("dir", "", "directory for buckets and versions")
	accessKey := flags.String("access-key", "", "access key that is accepted")
	secretKey := flags.String("secret-key", "", "its secret key")
	region := flags.String("region", "us-east-1", "region of the signatures")
	domain := flags.String("domain", "", "domain under which buckets are hosts")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *dir == "" || *accessKey == "" || *secretKey == "" || flags.NArg() > 0 {
		return errors.New("usage: objectstore --dir DIR --access-key AK --secret-key SK")
	}
	store, err := openStore(*dir)
	if err != nil {
		return err
	}
	// The gateway does not say which port it got for 0. So one is found by opening
	// and closing it, and another when somebody was faster.
	for try := 1; ; try++ {
		address, err := freeAddress()
		if err != nil {
			return err
		}
		running, cancel := context.WithCancel(ctx)
		go announce(running, address, stdout)
		err = embedgw.RunVersityGW(ctx, store, &embedgw.Config{
			RootUserAccess:    *accessKey,
			RootUserSecret:    *secretKey,
			Region:            *region,
			VirtualDomain:     *domain,
			Ports:             []string{address},
			MaxConnections:    10_000,
			MaxRequests:       5_000,
			MultipartMaxParts: 10_000,
			HealthPath:        healthPath,
			KeepAlive:         true,
			Quiet:             true,
		})
		cancel()
		if ctx.Err() != nil {
			return nil
		}
		if err == nil {
			return errors.New("the gateway ended by itself")
		}
		if try == portTries || !strings.Contains(err.Error(), "address already in use") {
			return fmt.Errorf("run the gateway: %w", err)
		}
	}
}

// openStore keeps what S3 knows of an object beyond its bytes in extended
// attributes, or in files of their own where the file system has none.
func openStore(dir string) (backend.Backend, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("resolve --dir: %w", err)
	}
	buckets, versions, attributes := filepath.Join(dir, "buckets"), filepath.Join(dir, "versions"), filepath.Join(dir, "attributes")
	for _, folder := range []string{buckets, versions} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return nil, fmt.Errorf("make a directory: %w", err)
		}
	}
	options := posix.PosixOpts{VersioningDir: versions}
	var about meta.MetadataStorer = meta.XattrMeta{}
	if err := (meta.XattrMeta{}).Test(buckets); err != nil {
		if err := os.MkdirAll(attributes, 0o755); err != nil {
			return nil, fmt.Errorf("make a directory: %w", err)
		}
		options.SideCarDir = attributes
		if about, err = meta.NewSideCar(attributes); err != nil {
			return nil, fmt.Errorf("keep attributes in files: %w", err)
		}
	}
	store, err := posix.New(buckets, about, options)
	if err != nil {
		return nil, fmt.Errorf("open the buckets: %w", err)
	}
	return store, nil
}

func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return listener.Addr().String(), listener.Close()
}

// announce says where the server is, once it answers.
func announce(ctx context.Context, address string, stdout io.Writer) {
	url := "http://" + address
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !healthy(ctx, url+healthPath) {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
	// Whoever reads this line waits for it, and there is nobody else to tell.
	_ = json.NewEncoder(stdout).Encode(map[string]string{"url": url})
}

func healthy(ctx context.Context, url string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}
