{%- extends 'nbgrader/base.tpl' -%}

{%- block title -%}
Class Report
{%- endblock -%}

{%- block body -%}
<ol class="breadcrumb">
  <li><a href="{{ base_url }}/formgrader/manage_assignments">Assignments</a></li>
  <li><a href="{{ base_url }}/formgrader/manage_submissions/{{ assignment_id | urlencode }}">{{ assignment_id }}</a></li>
  <li class="active">Class Report</li>
</ol>
<p role="status">{{ reason }}</p>
{%- endblock -%}
