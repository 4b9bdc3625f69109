// Command package zips a function's binary reproducibly and prints the zip's SHA-256.
//
//	package -o build/diagnose.zip build/diagnose
package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"cce-oncall/infra/package/bundle"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "package:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("package", flag.ContinueOnError)
	to := flags.String("o", "", "the zip to write")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *to == "" || flags.NArg() != 1 {
		return errors.New("usage: package -o ZIP BINARY")
	}
	binary, err := os.ReadFile(flags.Arg(0))
	if err != nil {
		return fmt.Errorf("read the binary: %w", err)
	}
	raw, err := bundle.Zip(binary)
	if err != nil {
		return fmt.Errorf("zip %s: %w", flags.Arg(0), err)
	}
	if len(raw) > bundle.MaxInline {
		return fmt.Errorf("%s is %d bytes, more than the %d that FunctionGraph takes inline", *to, len(raw), bundle.MaxInline)
	}
	if err := os.WriteFile(*to, raw, 0o644); err != nil { // a build product, not a secret
		return fmt.Errorf("write the zip: %w", err)
	}
	sum := sha256.Sum256(raw)
	_, err = fmt.Fprintf(out, "%s  %s  %d bytes\n", hex.EncodeToString(sum[:]), *to, len(raw))
	return err
}
