// Command inspect looks at the whole cluster on its timer: it raises what it finds as alarms, says so when all is well, and picks up
// whatever was lost on the way.
package main

import (
	"context"
	"os"

	"cce-oncall/shared/assemble"
)

func main() {
	os.Exit(assemble.Start(context.Background(), "inspect", os.Args[1:], os.Stdout, os.Stderr, open))
}
