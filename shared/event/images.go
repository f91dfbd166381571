package event

// ImagesUploaded comes from the bucket, and from the folder that stands for it on one machine; no service sends it.
const ImagesUploaded = "images.uploaded"

// Uploaded says that somebody has put a file where a signed address allowed it. Whoever puts it again, or a bucket that
// tells it twice, makes it two messages for one key: the bytes that lie there are what counts.
type Uploaded struct {
	Key  string `json:"key"`  // as the bucket names it, not escaped
	Size int64  `json:"size"` // bytes, as the bucket counted them
}
