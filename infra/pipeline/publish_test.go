package pipeline

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/banyan-migration/banyan/infra/fakes/ministack"
)

// publication is what template.yaml says of itself to the Serverless Application Repository.
func publication(t *testing.T) string {
	t.Helper()
	text := regexp.MustCompile(`(?m)^Metadata:\n(?:[ #].*\n|\n)*`).FindString(read(t, "template.yaml"))
	if !strings.Contains(text, "  AWS::ServerlessRepo::Application:") {
		t.Fatal("template.yaml has no metadata for the Serverless Application Repository")
	}
	return text
}

// The repository takes these words and no others, and the files that are named are there.
func TestPublicationIsWhatTheRepositoryTakes(t *testing.T) {
	t.Parallel()
	text := publication(t)
	field := func(name string) string {
		m := regexp.MustCompile(`(?m)^    ` + name + `: ['"]?(.*?)['"]?$`).FindStringSubmatch(text)
		if m == nil {
			t.Errorf("the publication has no %s", name)
			return ""
		}
		return m[1]
	}
	for name, form := range map[string]string{
		"Name": `^[a-zA-Z0-9-]{1,140}$`, "Description": `^.{1,256}$`, "Author": `^[a-z0-9]([a-z0-9-]{0,125}[a-z0-9])?$`, "SpdxLicenseId": `^Apache-2\.0$`,
		"SemanticVersion": `^\d+\.\d+\.\d+$`, "HomePageUrl": `^https://`, "SourceCodeUrl": `^https://`, "Labels": `^\[[a-zA-Z0-9+_:/@-]+(, [a-zA-Z0-9+_:/@-]+){0,9}\]$`,
	} {
		if value := field(name); !regexp.MustCompile(form).MatchString(value) {
			t.Errorf("%s is %q, want %s", name, value, form)
		}
	}
	if license := read(t, field("LicenseUrl")); !strings.Contains(license, "Apache License") {
		t.Error("LicenseUrl names another licence than SpdxLicenseId")
	}
	if readme := read(t, field("ReadmeUrl")); len(readme) > 5<<20 || !strings.HasPrefix(readme, "# ") {
		t.Errorf("the README has %d bytes, and begins %.20q", len(readme), readme)
	}
}

// `sam package` takes licence and README along, to where `sam publish` would read them; publishing itself needs an account.
func TestPublicationIsPackaged(t *testing.T) {
	t.Parallel()
	sam := os.Getenv("BANYAN_SAM")
	if sam == "" {
		t.Skip("BANYAN_SAM names no sam: what packaging proves is proved in CI")
	}
	server := ministack.Test(t)
	objects := s3.NewFromConfig(account(t, server))
	bucket := "publication"
	if _, err := objects.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket, CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: ministack.Region}}); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	template := "AWSTemplateFormatVersion: '2010-09-09'\nTransform: AWS::Serverless-2016-10-31\n" + publication(t) + "Resources: {Topic: {Type: 'AWS::SNS::Topic'}}\n"
	for name, text := range map[string]string{"template.yaml": template, "LICENSE": read(t, "LICENSE"), "README.md": read(t, "README.md")} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(sam, "package", "--s3-bucket", bucket, "--template-file", "template.yaml", "--output-template-file", "packaged.json", "--use-json", "--no-progressbar")
	cmd.Dir, cmd.Env = dir, environment(server, sam)
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	var packaged struct {
		Metadata map[string]struct{ LicenseUrl, ReadmeUrl string }
	}
	raw, err := os.ReadFile(filepath.Join(dir, "packaged.json"))
	if err == nil {
		err = json.Unmarshal(raw, &packaged)
	}
	if err != nil {
		t.Fatal(err)
	}
	for file, at := range map[string]string{"LICENSE": packaged.Metadata["AWS::ServerlessRepo::Application"].LicenseUrl, "README.md": packaged.Metadata["AWS::ServerlessRepo::Application"].ReadmeUrl} {
		key, in := strings.CutPrefix(at, "s3://"+bucket+"/")
		if !in {
			t.Errorf("%s is packaged as %q", file, at)
			continue
		}
		got, err := objects.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &key})
		if err != nil {
			t.Fatal(err)
		}
		if size := int64(len(read(t, file))); *got.ContentLength != size {
			t.Errorf("%s has %d bytes where sam publish reads it, want %d", file, *got.ContentLength, size)
		}
		got.Body.Close()
	}
}
