/** The messages of google/rpc/error_details.proto that errors carry, with Google's numbers. */
import { create } from "@bufbuild/protobuf"
import {
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from "@bufbuild/protobuf/wkt"

const text = (name: string, number: number, label = Label.OPTIONAL) => ({
  name,
  jsonName: name,
  number,
  label,
  type: Type.STRING,
})

/** The file, linked with ours. */
export const errorDetailsFile: FileDescriptorProto = create(FileDescriptorProtoSchema, {
  name: "google/rpc/error_details.proto",
  package: "google.rpc",
  syntax: "proto3",
  messageType: [
    {
      name: "ErrorInfo",
      field: [
        text("reason", 1),
        text("domain", 2),
        {
          name: "metadata",
          jsonName: "metadata",
          number: 3,
          label: Label.REPEATED,
          type: Type.MESSAGE,
          typeName: ".google.rpc.ErrorInfo.MetadataEntry",
        },
      ],
      nestedType: [{ name: "MetadataEntry", field: [text("key", 1), text("value", 2)], options: { mapEntry: true } }],
    },
    {
      name: "RetryInfo",
      field: [
        {
          name: "retry_delay",
          jsonName: "retryDelay",
          number: 1,
          label: Label.OPTIONAL,
          type: Type.MESSAGE,
          typeName: ".google.rpc.RetryInfo.Delay",
        },
      ],
      // google.protobuf.Duration on the wire: seconds are its field 1.
      nestedType: [
        {
          name: "Delay",
          field: [{ name: "seconds", jsonName: "seconds", number: 1, label: Label.OPTIONAL, type: Type.INT64 }],
        },
      ],
    },
    {
      name: "BadRequest",
      field: [
        {
          name: "field_violations",
          jsonName: "fieldViolations",
          number: 1,
          label: Label.REPEATED,
          type: Type.MESSAGE,
          typeName: ".google.rpc.BadRequest.FieldViolation",
        },
      ],
      nestedType: [{ name: "FieldViolation", field: [text("field", 1), text("description", 2), text("reason", 3)] }],
    },
  ],
})
