// Command report tells every morning what the day before was like: one card a cluster, and the same in OBS.
package main

import (
	"context"
	"os"

	"cce-oncall/shared/assemble"
)

func main() {
	os.Exit(assemble.Start(context.Background(), "report", os.Args[1:], os.Stdout, os.Stderr, open))
}
