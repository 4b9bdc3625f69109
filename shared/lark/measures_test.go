package lark

import "testing"

func TestMeasured(t *testing.T) {
	for _, tt := range []struct{ series, in, want string }{
		{"container_cpu_limit_ratio", "0.84 (mean of the last three samples)", "84 % (mean of the last three samples)"},
		{"node_memory_usage_ratio", "grew from 0.40 to 0.93 in 2h (line fit 0.98)", "grew from 40 % to 93 % in 2h (line fit 0.98)"},
		{"request_success_ratio", "fell from 0.999 to 0.5", "fell from 99.9 % to 50 %"},
		{"volume_usage_ratio", "is 1", "is 100 %"},
		{"volume_usage_ratio", "is 97%", "is 97%"},
		{"container_memory_working_set_bytes", "grew from 200 to 400 MiB in 1h (line fit 0.99)", "grew from 200 to 400 MiB in 1h (line fit 0.99)"},
		{"network_receive_bytes_per_second", "stepped from 1.05e+06 to 512", "stepped from 1.001 MiB to 512 bytes"},
		{"container_memory_working_set_bytes", "stepped from 1.1e+09 to 0", "stepped from 1.024 GiB to 0 bytes"},
		{"queue_lag", "stepped from 3 to 900", "stepped from 3 to 900"},
		{"request_latency_p95_seconds", "stepped from 0.2 to 3", "stepped from 0.2 to 3"},
	} {
		if got := measured(tt.series, tt.in); got != tt.want {
			t.Errorf("%s %s: %q, want %q", tt.series, tt.in, got, tt.want)
		}
	}
}
