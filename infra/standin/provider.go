package main

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// provider answers Terraform from the schema alone. What it is never asked is left to the nil interface.
type provider struct {
	tfprotov5.ProviderServer
	schema *schema
}

func trouble(err error) []*tfprotov5.Diagnostic {
	if err == nil {
		return nil
	}
	return []*tfprotov5.Diagnostic{{Severity: tfprotov5.DiagnosticSeverityError, Summary: "the stand-in provider: " + err.Error()}}
}

// GetMetadata names what there is.
func (p *provider) GetMetadata(context.Context, *tfprotov5.GetMetadataRequest) (*tfprotov5.GetMetadataResponse, error) {
	r := &tfprotov5.GetMetadataResponse{ServerCapabilities: &tfprotov5.ServerCapabilities{}}
	for name := range p.schema.resources {
		r.Resources = append(r.Resources, tfprotov5.ResourceMetadata{TypeName: name})
	}
	for name := range p.schema.data {
		r.DataSources = append(r.DataSources, tfprotov5.DataSourceMetadata{TypeName: name})
	}
	return r, nil
}

// GetProviderSchema is the whole schema.
func (p *provider) GetProviderSchema(context.Context, *tfprotov5.GetProviderSchemaRequest) (*tfprotov5.GetProviderSchemaResponse, error) {
	return &tfprotov5.GetProviderSchemaResponse{
		Provider: p.schema.provider, ResourceSchemas: p.schema.resources, DataSourceSchemas: p.schema.data, ServerCapabilities: &tfprotov5.ServerCapabilities{},
	}, nil
}

// GetResourceIdentitySchemas has none.
func (p *provider) GetResourceIdentitySchemas(context.Context, *tfprotov5.GetResourceIdentitySchemasRequest) (*tfprotov5.GetResourceIdentitySchemasResponse, error) {
	return &tfprotov5.GetResourceIdentitySchemasResponse{}, nil
}

// PrepareProviderConfig takes the configuration as it is.
func (p *provider) PrepareProviderConfig(_ context.Context, q *tfprotov5.PrepareProviderConfigRequest) (*tfprotov5.PrepareProviderConfigResponse, error) {
	return &tfprotov5.PrepareProviderConfigResponse{PreparedConfig: q.Config}, nil
}

// ConfigureProvider needs nothing: there is nobody to call.
func (p *provider) ConfigureProvider(context.Context, *tfprotov5.ConfigureProviderRequest) (*tfprotov5.ConfigureProviderResponse, error) {
	return &tfprotov5.ConfigureProviderResponse{}, nil
}

// StopProvider has nothing to stop.
func (p *provider) StopProvider(context.Context, *tfprotov5.StopProviderRequest) (*tfprotov5.StopProviderResponse, error) {
	return &tfprotov5.StopProviderResponse{}, nil
}

// GetFunctions has none.
func (p *provider) GetFunctions(context.Context, *tfprotov5.GetFunctionsRequest) (*tfprotov5.GetFunctionsResponse, error) {
	return &tfprotov5.GetFunctionsResponse{}, nil
}

// ValidateResourceTypeConfig leaves it to Terraform, which checks names and types by the schema.
func (p *provider) ValidateResourceTypeConfig(context.Context, *tfprotov5.ValidateResourceTypeConfigRequest) (*tfprotov5.ValidateResourceTypeConfigResponse, error) {
	return &tfprotov5.ValidateResourceTypeConfigResponse{}, nil
}

// ValidateDataSourceConfig leaves it to Terraform too.
func (p *provider) ValidateDataSourceConfig(context.Context, *tfprotov5.ValidateDataSourceConfigRequest) (*tfprotov5.ValidateDataSourceConfigResponse, error) {
	return &tfprotov5.ValidateDataSourceConfigResponse{}, nil
}

func (p *provider) resource(name string) (*tfprotov5.Schema, tftypes.Type, error) {
	s := p.schema.resources[name]
	if s == nil {
		return nil, nil, fmt.Errorf("resource %s is not known", name)
	}
	return s, s.ValueType(), nil
}

// UpgradeResourceState reads a state of this same schema.
func (p *provider) UpgradeResourceState(_ context.Context, q *tfprotov5.UpgradeResourceStateRequest) (*tfprotov5.UpgradeResourceStateResponse, error) {
	_, t, err := p.resource(q.TypeName)
	if err != nil {
		return &tfprotov5.UpgradeResourceStateResponse{Diagnostics: trouble(err)}, nil
	}
	v, err := q.RawState.Unmarshal(t)
	if err != nil {
		return &tfprotov5.UpgradeResourceStateResponse{Diagnostics: trouble(err)}, nil
	}
	raw, err := tfprotov5.NewDynamicValue(t, v)
	return &tfprotov5.UpgradeResourceStateResponse{UpgradedState: &raw, Diagnostics: trouble(err)}, nil
}

// ReadResource finds everything as it was left.
func (p *provider) ReadResource(_ context.Context, q *tfprotov5.ReadResourceRequest) (*tfprotov5.ReadResourceResponse, error) {
	return &tfprotov5.ReadResourceResponse{NewState: q.CurrentState, Private: q.Private}, nil
}

// PlanResourceChange leaves open what the cloud decides about a new resource.
func (p *provider) PlanResourceChange(_ context.Context, q *tfprotov5.PlanResourceChangeRequest) (*tfprotov5.PlanResourceChangeResponse, error) {
	s, t, err := p.resource(q.TypeName)
	if err != nil {
		return &tfprotov5.PlanResourceChangeResponse{Diagnostics: trouble(err)}, nil
	}
	same := &tfprotov5.PlanResourceChangeResponse{PlannedState: q.ProposedNewState, PlannedPrivate: q.PriorPrivate, UnsafeToUseLegacyTypeSystem: true}
	prior, err := q.PriorState.Unmarshal(t)
	if err != nil {
		same.Diagnostics = trouble(err)
		return same, nil
	}
	proposed, err := q.ProposedNewState.Unmarshal(t)
	if err == nil && prior.IsNull() {
		proposed, err = open(s.Block, proposed)
	}
	if err == nil {
		proposed, err = hashed(proposed)
	}
	if err != nil {
		same.Diagnostics = trouble(err)
		return same, nil
	}
	raw, err := tfprotov5.NewDynamicValue(t, proposed)
	same.PlannedState, same.Diagnostics = &raw, trouble(err)
	return same, nil
}

// ApplyResourceChange makes up what the cloud would have decided.
func (p *provider) ApplyResourceChange(_ context.Context, q *tfprotov5.ApplyResourceChangeRequest) (*tfprotov5.ApplyResourceChangeResponse, error) {
	_, t, err := p.resource(q.TypeName)
	if err != nil {
		return &tfprotov5.ApplyResourceChangeResponse{Diagnostics: trouble(err)}, nil
	}
	planned, err := q.PlannedState.Unmarshal(t)
	if err == nil {
		planned, err = answer(q.TypeName, planned)
	}
	if err != nil {
		return &tfprotov5.ApplyResourceChangeResponse{Diagnostics: trouble(err)}, nil
	}
	raw, err := tfprotov5.NewDynamicValue(t, planned)
	return &tfprotov5.ApplyResourceChangeResponse{NewState: &raw, Private: q.PlannedPrivate, Diagnostics: trouble(err), UnsafeToUseLegacyTypeSystem: true}, nil
}

// ReadDataSource finds nothing: there is no cloud to ask.
func (p *provider) ReadDataSource(_ context.Context, q *tfprotov5.ReadDataSourceRequest) (*tfprotov5.ReadDataSourceResponse, error) {
	s := p.schema.data[q.TypeName]
	if s == nil {
		return &tfprotov5.ReadDataSourceResponse{Diagnostics: trouble(fmt.Errorf("data source %s is not known", q.TypeName))}, nil
	}
	t := s.ValueType()
	v, err := q.Config.Unmarshal(t)
	if err == nil {
		v, err = open(s.Block, v)
	}
	if err == nil {
		v, err = answer(q.TypeName, v)
	}
	if err != nil {
		return &tfprotov5.ReadDataSourceResponse{Diagnostics: trouble(err)}, nil
	}
	raw, err := tfprotov5.NewDynamicValue(t, v)
	return &tfprotov5.ReadDataSourceResponse{State: &raw, Diagnostics: trouble(err)}, nil
}
