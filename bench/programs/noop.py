def run(request, settings):
    return None
