"""
PyBit's BuildRequest out of its jsonpickle. Written against messages of jsonpickle 0.4 to 1.4; nothing of a message is
ever imported, called or evaluated.
"""
import time


class Model:
    def __repr__(self):
        return '%s(%s)' % (type(self).__name__, ', '.join('%s=%r' % item for item in sorted(vars(self).items())))


class Arch(Model):
    pass


class BuildEnv(Model):
    pass


class Dist(Model):
    pass


class Format(Model):
    pass


class Job(Model):
    pass


class Package(Model):
    pass


class PackageInstance(Model):
    pass


class Suite(Model):
    pass


class Transport(Model):
    pass


class BuildRequest(Model):
    # Older senders leave them out.
    timestamp = None

    def stamp_request(self):
        self.timestamp = int(time.time())

    def get_buildstamp(self):
        return self.timestamp

    def get_job_id(self):
        return self.job.id

    def get_package(self):
        return self.job.packageinstance.package.name

    def get_version(self):
        return self.job.packageinstance.package.version

    def get_arch(self):
        return self.job.packageinstance.arch.name

    def get_suite(self):
        return self.job.packageinstance.suite.name

    def get_dist(self):
        return self.job.packageinstance.distribution.name

    def get_format(self):
        return self.job.packageinstance.format.name

    def get_buildenv(self):
        return getattr(getattr(self.job.packageinstance, 'build_env', None), 'name', None)


MODELS = {
    'pybit.models.' + model.__name__: model
    for model in (Arch, BuildEnv, BuildRequest, Dist, Format, Job, Package, PackageInstance, Suite, Transport)
}


def read_build_request(body):
    """What the callable is given for a message's body: a BuildRequest when it is one, else the body itself."""
    if not isinstance(body, dict) or body.get('py/object') != 'pybit.models.BuildRequest':
        return body
    build_request = Decoder().restore(body)
    # A tag beside py/object may say that it is something else after all.
    if not isinstance(build_request, BuildRequest):
        return body
    # The original does so before each call.
    build_request.stamp_request()
    return build_request


def key_of(key, model):
    """Where an object keeps a field: `get_package` is its method, whatever a message holds, which is `get_package_`."""
    return key + '_' if model is not None and callable(getattr(model, key, None)) else key


class Decoder:
    """
    Objects and lists are numbered as they are met, keys in sorted order; {"py/id": N} is the one with that number.
    What is not known stays data, tags and all.
    """

    def __init__(self):
        self._numbered = []

    def restore(self, value):
        if isinstance(value, list):
            return self._restore_list(value)
        return self._restore_dict(value) if isinstance(value, dict) else value

    def _restore_list(self, value):
        restored = []
        self._numbered.append(restored)
        restored.extend(self.restore(item) for item in value)
        return restored

    def _restore_dict(self, value):
        if 'py/id' in value:
            return self._find(value)
        for tag, make in (('py/tuple', tuple), ('py/set', set)):
            if isinstance(value.get(tag), list):
                return self._restore_collection(value, tag, make)
        model = MODELS.get(value['py/object']) if isinstance(value.get('py/object'), str) else None
        restored = {} if model is None else model()
        if 'py/object' in value or 'py/reduce' in value:
            self._numbered.append(restored)
        fields = restored if model is None else vars(restored)
        for key in sorted(value):
            if model is None or key != 'py/object':
                fields[key_of(key, model)] = self.restore(value[key])
        return restored

    def _find(self, value):
        number = value['py/id']
        is_known = type(number) is int and 0 <= number < len(self._numbered)
        return self._numbered[number] if is_known else value

    def _restore_collection(self, value, tag, make):
        items = [self.restore(item) for item in value[tag]]
        try:
            return make(items)
        except TypeError:  # a set of what cannot be in one
            return dict(value, **{tag: items})
