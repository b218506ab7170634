/*
 * The destructors of the capsules that carry Arrow structures to their consumers: the only code here that knows Python.
 * They run when a capsule goes, perhaps while an exception is on its way or the interpreter is at its end, so they are
 * no Python functions.
 */
#include <Python.h>

#include "pynl.h"

const char pynl_capsule_schema[] = "arrow_schema";
const char pynl_capsule_stream[] = "arrow_array_stream";

void pynl_capsule_free_schema(void *capsule)
{
    pynl_arrow_schema_free(PyCapsule_GetPointer(capsule, pynl_capsule_schema));
}

void pynl_capsule_free_stream(void *capsule)
{
    pynl_arrow_stream_free(PyCapsule_GetPointer(capsule, pynl_capsule_stream));
}
