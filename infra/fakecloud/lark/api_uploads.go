package lark

import (
	"bytes"
	"errors"
	"image"
	_ "image/gif"  // formats an image message takes
	_ "image/jpeg" // formats an image message takes
	_ "image/png"  // formats an image message takes
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
)

// upload is an image or a file that the app uploaded.
type upload struct {
	kind string // "image" or "file"
	name string
	mime string
	data []byte
}

// uploadImage is im/v1/image/create.
func (s *Server) uploadImage(c *call) (answer, *apiError) {
	form, e := parseForm(c)
	if e != nil {
		return answer{}, e
	}
	raw := form.files["image"]
	if form.values["image_type"] != "message" {
		return answer{}, refuse(codeParam, "Invalid request param: image_type")
	}
	if len(raw) == 0 || len(raw) > imageSize {
		return answer{}, refuse(234006, "The file size exceeds the limit or is 0.") // ours
	}
	size, format, err := image.DecodeConfig(bytes.NewReader(raw))
	if err != nil {
		return answer{}, refuse(234011, "Can not recognize the image format.") // ours
	}
	most := 12000
	if format == "gif" {
		most = 2000
	}
	if size.Width > most || size.Height > most {
		return answer{}, refuse(234039, "The image resolution exceeds the limit.") // ours
	}
	key := "img_v3_" + s.mint.hex(32)
	s.uploads[key] = upload{kind: "image", name: form.names["image"], mime: "image/" + format, data: raw}
	return data(map[string]any{"image_key": key})
}

// uploadFile is im/v1/file/create.
func (s *Server) uploadFile(c *call) (answer, *apiError) {
	form, e := parseForm(c)
	if e != nil {
		return answer{}, e
	}
	raw := form.files["file"]
	if !slices.Contains([]string{"opus", "mp4", "pdf", "doc", "xls", "ppt", "stream"}, form.values["file_type"]) || form.values["file_name"] == "" {
		return answer{}, refuse(codeParam, "Invalid request param: file_type or file_name")
	}
	if len(raw) == 0 || len(raw) > fileSize {
		return answer{}, refuse(234006, "The file size exceeds the limit or is 0.") // ours
	}
	key := "file_v3_" + s.mint.hex(32)
	s.uploads[key] = upload{kind: "file", name: form.values["file_name"], mime: "application/octet-stream", data: raw}
	return data(map[string]any{"file_key": key})
}

type formData struct {
	values, names map[string]string
	files         map[string][]byte
}

func parseForm(c *call) (formData, *apiError) {
	out := formData{values: map[string]string{}, names: map[string]string{}, files: map[string][]byte{}}
	bad := refuse(codeFieldInvalid, "field validation failed: multipart/form-data is needed")
	kind, params, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return out, bad
	}
	parts := multipart.NewReader(bytes.NewReader(c.body), params["boundary"])
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, bad
		}
		raw, err := io.ReadAll(part)
		if err != nil {
			return out, bad
		}
		if part.FileName() == "" {
			out.values[part.FormName()] = string(raw)
			continue
		}
		out.files[part.FormName()], out.names[part.FormName()] = raw, part.FileName()
	}
}

// serveImage shows an uploaded image on the page.
func (s *Server) serveImage(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	up, ok := s.uploads[r.PathValue("key")]
	s.mu.Unlock()
	if !ok || up.kind != "image" {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", up.mime)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Write(up.data)
}
