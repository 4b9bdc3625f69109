// Command standin takes the place of the Huawei Cloud provider where no registry can be reached: it knows the arguments of just the
// resources that infra uses, and makes up what a cloud would answer. Given endpoints it makes the calls that the real one is known to make
// for them, so that a cloud on one machine comes to hold what was applied; without any it calls nobody. What always holds: it accepts no
// argument that the real provider 1.97 does not have, so that a plan made with it is a plan of the real one; and it says what it is.
package main

import (
	"fmt"
	"os"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-go/tfprotov5/tf5server"
)

func main() {
	known, err := parseSchema(schemaText)
	if err == nil {
		err = tf5server.Serve("registry.terraform.io/huaweicloud/huaweicloud", func() tfprotov5.ProviderServer { return &provider{schema: known} })
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "standin:", err)
		os.Exit(1)
	}
}
