package worlds

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// ministack makes an HTTP API and forgets its routes: they stand in the OpenAPI Body of the transformed template, and are made
// from there, each to the function that its permission names.

// processed is what the transformed template says of routes.
type processed struct {
	Resources map[string]struct {
		Type       string
		Properties json.RawMessage
	}
}

// body is the API's OpenAPI document.
type body struct {
	Body struct {
		Paths map[string]map[string]struct {
			Integration struct {
				URI json.RawMessage `json:"uri"`
			} `json:"x-amazon-apigateway-integration"`
		} `json:"paths"`
	}
}

// template is the template that was deployed, after the SAM transform.
func (s *stack) template() processed {
	s.t.Helper()
	out, err := cloudformation.NewFromConfig(s.Config).GetTemplate(s.t.Context(), &cloudformation.GetTemplateInput{StackName: aws.String(name), TemplateStage: types.TemplateStageProcessed})
	if err != nil {
		s.t.Fatal(err)
	}
	var p processed
	if err := json.Unmarshal([]byte(aws.ToString(out.TemplateBody)), &p); err != nil {
		s.t.Fatal(err)
	}
	return p
}

// routes makes every route of the template, and returns how many there are.
func (s *stack) routes() int {
	s.t.Helper()
	there, made := s.resources(), 0
	s.api = there["Api"]
	var b body
	if err := json.Unmarshal(s.template().Resources["Api"].Properties, &b); err != nil {
		s.t.Fatal(err)
	}
	for path, methods := range b.Body.Paths {
		for method, operation := range methods {
			to := alias.FindSubmatch(operation.Integration.URI)
			if to == nil {
				continue // OPTIONS of a CORS configuration
			}
			arn := there[string(to[1])+"Aliaslive"]
			if arn == "" {
				s.t.Errorf("%s %s leads to %s, which has no alias live", method, path, to[1])
				continue
			}
			method = strings.ToUpper(method)
			if method == "X-AMAZON-APIGATEWAY-ANY-METHOD" {
				method = "ANY"
			}
			s.route(method+" "+path, arn)
			made++
		}
	}
	return made
}

func (s *stack) route(key, arn string) {
	s.t.Helper()
	var made struct {
		IntegrationID string `json:"integrationId"`
	}
	s.rest("apigateway", http.MethodPost, "/v2/apis/"+s.api+"/integrations", map[string]string{"integrationType": "AWS_PROXY", "integrationMethod": "POST", "payloadFormatVersion": "2.0", "integrationUri": arn}, &made)
	s.rest("apigateway", http.MethodPost, "/v2/apis/"+s.api+"/routes", map[string]string{"routeKey": key, "target": "integrations/" + made.IntegrationID}, nil)
}

// alias is a function's in an integration's address: ${DonateAliaslive}.
var alias = regexp.MustCompile(`\$\{(\w+)Aliaslive\}`)
