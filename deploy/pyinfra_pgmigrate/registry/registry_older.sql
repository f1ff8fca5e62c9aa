-- Whether the registry must be brought to a version. Variables: registry_version, needed_version.
SELECT :'registry_version'::integer < :'needed_version'::integer AS registry_is_older \gset
