// Command webhook is where Lark's callbacks arrive: it proves who speaks, judges what they may say, records it, and wakes execute.
// It changes nothing itself and holds no credentials that could.
package main

import (
	"context"
	"os"

	"cce-oncall/shared/assemble"
)

func main() {
	os.Exit(assemble.Start(context.Background(), "webhook", os.Args[1:], os.Stdout, os.Stderr, open))
}
