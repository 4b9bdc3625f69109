// Command bootstrap is a function for tests: it does what its event says.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

type order struct {
	Do   string `json:"do"`   // answer, fail, crash, hang, eat, env, served, log, apig, call
	Text string `json:"text"` // what to answer or log, or which URL to call
	MB   int    `json:"mb"`
}

func main() {
	if os.Getenv("RUNTIME_FUNC_NAME") == "stillborn" {
		os.Exit(3)
	}
	api := "http://" + os.Getenv("RUNTIME_API_ADDR") + "/v1/runtime/invocation/"
	served := 0
	for {
		resp, err := http.Get(api + "request")
		if err != nil {
			time.Sleep(20 * time.Millisecond)
			continue
		}
		raw, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		id := resp.Header.Get("X-Cff-Request-Id")
		if id == "" {
			continue
		}
		served++
		fmt.Println("begin", served, string(raw))
		var o order
		var apig struct {
			Body   []byte `json:"body"`
			Method string `json:"httpMethod"`
		}
		if json.Unmarshal(raw, &apig) == nil && apig.Method != "" {
			_ = json.Unmarshal(apig.Body, &o)
		} else {
			_ = json.Unmarshal(raw, &o)
		}
		verb, body := "response/", []byte(`"`+o.Text+`"`)
		switch o.Do {
		case "fail":
			verb, body = "error/", []byte(`{"errorType":"Test","errorMessage":"`+o.Text+`"}`)
		case "crash":
			os.Exit(1)
		case "hang":
			select {}
		case "eat":
			b := make([]byte, o.MB<<20)
			for i := range b {
				b[i] = byte(i)
			}
			fmt.Println("ate", len(b))
			time.Sleep(300 * time.Millisecond)
			body = []byte(fmt.Sprint(b[len(b)-1]))
		case "env":
			headers := map[string]string{}
			for k := range resp.Header {
				if strings.HasPrefix(strings.ToLower(k), "x-cff") {
					headers[strings.ToLower(k)] = resp.Header.Get(k)
				}
			}
			cwd, _ := os.Getwd()
			body, _ = json.Marshal(map[string]any{"env": os.Environ(), "headers": headers, "cwd": cwd})
		case "served":
			body = []byte(fmt.Sprint(served))
		case "apig":
			body, _ = json.Marshal(map[string]any{
				"isBase64Encoded": false, "statusCode": 201, "headers": map[string]string{"X-Test": "yes"}, "body": string(raw),
			})
		case "call":
			r, _ := http.NewRequest(http.MethodGet, o.Text, nil)
			r.Header.Set("X-Auth-Token", resp.Header.Get("X-Cff-Auth-Token"))
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				os.Exit(9)
			}
			answer.Body.Close()
			body = []byte(fmt.Sprint(answer.StatusCode))
		case "log":
			fmt.Fprintln(os.Stderr, o.Text)
			time.Sleep(50 * time.Millisecond)
		}
		fmt.Println("end", served)
		answer, err := http.Post(api+verb+id, "application/json", bytes.NewReader(body))
		if err == nil {
			answer.Body.Close()
		}
	}
}
