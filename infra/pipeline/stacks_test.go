package pipeline

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/banyan-migration/banyan/infra/fakes/ministack"
	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/kv/dynamo"
)

// unknown are the types that ministack 1.5.33 does not know: what is of one is left out, and checked by cfn-lint alone.
var unknown = regexp.MustCompile(`Type: AWS::(ApplicationAutoScaling::|EC2::(EIP|NatGateway|SecurityGroupIngress)|WAFv2::(LoggingConfiguration|WebACLAssociation))`)

// expression is an alarm's metric that is computed of several.
var expression = regexp.MustCompile(`(?s)      Metrics:\n.*?      EvaluationPeriods`)

// reduced writes a template without what ministack does not know, and with one metric for an expression of several.
func reduced(t *testing.T, dir, name string) (left int) {
	t.Helper()
	head, rest, found := strings.Cut(read(t, "infra/"+name), "\nResources:\n")
	resources, outputs, both := strings.Cut(rest, "\nOutputs:\n")
	if !found || !both {
		t.Fatalf("%s has no Resources or no Outputs", name)
	}
	begins := append(regexp.MustCompile(`(?m)^  [A-Z]\w*:`).FindAllStringIndex(resources, -1), []int{len(resources)})
	var kept, gone strings.Builder
	for i, at := range begins[:len(begins)-1] {
		one := resources[at[0]:begins[i+1][0]]
		if unknown.MatchString(one) {
			left++
			id, _, _ := strings.Cut(one, ":")
			gone.WriteString(id)
			continue
		}
		kept.WriteString(one)
	}
	text := expression.ReplaceAllString(kept.String(), "      Namespace: AWS/ApplicationELB\n      MetricName: HTTPCode_Target_5XX_Count\n      Statistic: Sum\n      Period: 60\n      EvaluationPeriods")
	for _, id := range strings.Fields(gone.String()) { // what is conditional may be named elsewhere
		outputs = regexp.MustCompile(`(?m)^  \w+: .*!Ref `+id+`\b.*\n`).ReplaceAllString(outputs, "")
		text = regexp.MustCompile(`(?m)^(    Properties: .*)!Ref `+id+`\b`).ReplaceAllString(text, "${1}none")
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte(head+"\nResources:\n"+text+"\nOutputs:\n"+outputs), 0o600); err != nil {
		t.Fatal(err)
	}
	return left
}

// The network and the gateway deploy by the make target of the pipelines, the one importing what the other exports; what the second makes is a
// plan's table that the gateway's own store can use; and the network cannot be taken away under the gateway.
func TestNetworkAndGateway(t *testing.T) {
	t.Parallel()
	sam := os.Getenv("BANYAN_SAM")
	if sam == "" {
		t.Skip("BANYAN_SAM names no sam: what a deployment proves is proved in CI")
	}
	server := ministack.Test(t)
	dir := t.TempDir()
	if left := reduced(t, dir, "network.yaml"); left != 4 {
		t.Errorf("%d resources of the network are left out, want the 4 of Nat", left)
	}
	if left := reduced(t, dir, "gateway.yaml"); left != 6 {
		t.Errorf("%d resources of the gateway are left out, want scaling (3), the firewall's ties (2) and the operators' way in", left)
	}
	const site = "Certificate=arn:aws:acm:eu-west-1:111122223333:certificate/x DrupalUrl=http://10.20.4.7 ServicesUrl=https://services.charity.example " +
		"KeySecret=arn:aws:secretsmanager:eu-west-1:111122223333:secret:banyan/test/key-abcdef"
	cmd := exec.Command("make", "deploy-gateway", "STAGE=test", "STACKS="+dir, "APPROVED=true", "DIGEST=sha256:"+strings.Repeat("a", 64), "GATEWAY="+site)
	cmd.Dir, cmd.Env = filepath.Join("..", ".."), environment(server, sam)
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said[max(0, len(said)-6000):])
	}
	to := account(t, server)
	planned(t, to)
	stacks := cloudformation.NewFromConfig(to)
	exported(t, stacks)
	if _, err := stacks.DeleteStack(t.Context(), &cloudformation.DeleteStackInput{StackName: aws.String("banyan-test-network")}); err == nil || !strings.Contains(err.Error(), "imported by stack") {
		t.Errorf("the network is deleted while the gateway stands in it: %v", err)
	}
}

// environment is that of programs whose AWS is a server's.
func environment(server *ministack.Server, sam string) []string {
	return append(os.Environ(), "PATH="+filepath.Dir(sam)+string(os.PathListSeparator)+os.Getenv("PATH"), "AWS_ENDPOINT_URL="+server.URL, "AWS_REGION="+ministack.Region,
		"AWS_DEFAULT_REGION="+ministack.Region, "AWS_ACCESS_KEY_ID="+ministack.Key, "AWS_SECRET_ACCESS_KEY="+ministack.Secret, "AWS_EC2_METADATA_DISABLED=true", "SAM_CLI_TELEMETRY=0")
}

func account(t *testing.T, server *ministack.Server) aws.Config {
	t.Helper()
	c, err := config.LoadDefaultConfig(t.Context(), config.WithRegion(ministack.Region), config.WithBaseEndpoint(server.URL),
		config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(ministack.Key, ministack.Secret, "")))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// planned tries the deployed table as the gateway would, and compares it with the one that shared/kv/dynamo makes.
func planned(t *testing.T, to aws.Config) {
	t.Helper()
	db, err := dynamo.Open(t.Context(), "banyan-test", func(o *dynamodb.Options) {
		o.BaseEndpoint, o.Region, o.Credentials = to.BaseEndpoint, to.Region, to.Credentials
	})
	if err == nil {
		err = db.Ready(t.Context(), "plan")
	}
	if err == nil {
		err = db.Store("plan").Commit(t.Context(), kv.Write{Key: kv.Key{Part: "cutover/plan", Sort: "plan"}, Data: []byte(`{}`), If: kv.Absent})
	}
	if err == nil {
		err = db.Create(t.Context(), "other")
	}
	if err != nil {
		t.Fatal(err)
	}
	client := dynamodb.NewFromConfig(to)
	shape := func(table string) []any {
		out, err := client.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &table})
		if err != nil {
			t.Fatal(err)
		}
		index := out.Table.GlobalSecondaryIndexes[0]
		return []any{out.Table.KeySchema, *index.IndexName, index.KeySchema, index.Projection.ProjectionType}
	}
	if template, adapter := shape("banyan-test-plan"), shape("banyan-test-other"); !reflect.DeepEqual(template, adapter) {
		t.Errorf("the template's table is %+v, the adapter's %+v", template, adapter)
	}
}

// exported looks at what other stacks may import: unique, and each with its stage.
func exported(t *testing.T, stacks *cloudformation.Client) {
	t.Helper()
	out, err := stacks.ListExports(t.Context(), &cloudformation.ListExportsInput{})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, e := range out.Exports {
		if all[*e.Name] != "" || !strings.HasPrefix(*e.Name, "banyan-test-") {
			t.Errorf("the export %s stands twice, or names no stage", *e.Name)
		}
		all[*e.Name] = *e.Value
	}
	if all["banyan-test-addresses"] != "10.20.0.0/16" || all["banyan-test-plan"] != "banyan-test-plan" || len(strings.Split(all["banyan-test-private-subnets"], ",")) != 2 {
		t.Errorf("%v", all)
	}
}
