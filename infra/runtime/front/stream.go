package front

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"io"
	"net/http"

	"github.com/banyan-migration/banyan/infra/runtime"
)

// stream is InvokeWithResponseStream: the response as a stream of events, closed by one that says how it ended.
func stream(p Player, w http.ResponseWriter, r *http.Request) {
	call, ok := read(w, r)
	if !ok {
		return
	}
	begun := false
	begin := func(version, request string) {
		begun = true
		h := w.Header()
		h.Set("Content-Type", "application/vnd.amazon.eventstream")
		h.Set("X-Amzn-Requestid", request)
		h.Set("X-Amz-Executed-Version", version)
		w.WriteHeader(http.StatusOK)
	}
	a, err := p.Stream(r.Context(), call, begin, chunks{w})
	switch {
	case err != nil && !begun:
		unavailable(w, err)
		return
	case err != nil:
		return
	case a.Status != http.StatusOK:
		head(w.Header(), a)
		w.WriteHeader(a.Status)
		w.Write(a.Payload)
		return
	}
	complete(w, call, a)
}

// complete writes the stream's last event.
func complete(w io.Writer, call runtime.Call, a runtime.Answer) {
	end := map[string]string{}
	if a.Error != "" {
		var said struct {
			Type string `json:"errorType"`
		}
		if json.Unmarshal(a.Payload, &said) != nil || said.Type == "" {
			said.Type = a.Error
		}
		end["ErrorCode"], end["ErrorDetails"] = said.Type, string(a.Payload)
	}
	if call.Tail {
		end["LogResult"] = base64.StdEncoding.EncodeToString(a.LogTail)
	}
	body, err := json.Marshal(end)
	if err != nil { // strings
		panic(err)
	}
	w.Write(message("InvokeComplete", "application/json", body))
}

// chunks writes what it gets as PayloadChunk events, at once.
type chunks struct{ to http.ResponseWriter }

func (c chunks) Write(p []byte) (int, error) {
	if _, err := c.to.Write(message("PayloadChunk", "application/octet-stream", p)); err != nil {
		return 0, err
	}
	if f, ok := c.to.(http.Flusher); ok {
		f.Flush()
	}
	return len(p), nil
}

// message is one event of AWS's event stream: lengths, a checksum of them, headers, payload, a checksum of all.
func message(kind, contentType string, payload []byte) []byte {
	var headers bytes.Buffer
	for _, h := range [][2]string{{":event-type", kind}, {":content-type", contentType}, {":message-type", "event"}} {
		headers.WriteByte(byte(len(h[0])))
		headers.WriteString(h[0])
		headers.WriteByte(7) // a string
		binary.Write(&headers, binary.BigEndian, uint16(len(h[1])))
		headers.WriteString(h[1])
	}
	b := make([]byte, 0, 16+headers.Len()+len(payload))
	b = binary.BigEndian.AppendUint32(b, uint32(16+headers.Len()+len(payload)))
	b = binary.BigEndian.AppendUint32(b, uint32(headers.Len()))
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	b = append(append(b, headers.Bytes()...), payload...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}
