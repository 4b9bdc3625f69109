package diagnose

import (
	"fmt"

	"cce-oncall/shared/incident"
)

// storageRefused is a workload whose keys an object store refuses: the store says which key it does not know, or that the signature or
// the right is missing (the error codes of the S3 protocol, which OBS and MinIO share).
func (g *gather) storageRefused(w *workload) {
	for _, s := range g.v.signsOf(w, signBucket) {
		if s.count < fewBugs && !g.v.suffering([]*workload{w}) && !g.v.complainedOf(w) {
			continue
		}
		d, fresh := g.on(incident.StoragePermissionDenied, w.target)
		if fresh {
			d.say(fmt.Sprintf("an object store refuses the keys of %s", w.target), fmt.Sprintf("对象存储拒绝了 %s 的访问密钥", w.target)).weigh(0.9).affects(w.target).affectsPods(unreadyOf(w)...)
			if c, ok := g.v.changeOf(w.target); ok {
				d.change(c, "%s %s%s", quoteTo(c.Verb, 40), c.Target, byWhom(c)).since(c.At)
			}
		}
		if !d.wordy() {
			d.line(s.pod, s.container, s.line)
		}
	}
}
