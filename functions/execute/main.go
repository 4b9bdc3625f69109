// Command execute is the only function that can change a cluster. It acts on a stored confirmation, verifies what came of it, and
// calls itself again until the alarm has converged or people must take over.
package main

import (
	"context"
	"os"

	"cce-oncall/shared/assemble"
)

func main() {
	if code, done := verifyArchive(os.Args[1:], os.Stdout, os.Stderr); done {
		os.Exit(code)
	}
	os.Exit(assemble.Start(context.Background(), "execute", os.Args[1:], os.Stdout, os.Stderr, open))
}
