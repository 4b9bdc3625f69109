// Command diagnose is what an AOM alarm wakes: it finds out what the alarm means and asks people what to do about it.
package main

import (
	"context"
	"os"

	"cce-oncall/shared/assemble"
)

func main() {
	if code, done := offline(os.Args[1:], os.Stdout, os.Stderr); done {
		os.Exit(code)
	}
	os.Exit(assemble.Start(context.Background(), "diagnose", os.Args[1:], os.Stdout, os.Stderr, open))
}
